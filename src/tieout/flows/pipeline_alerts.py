"""Pipeline alerts: which are open, and how a person closes one, with a reason that stays on record."""

from __future__ import annotations

from tieout.flows.home import Home
from tieout.flows.known_sources import check_source
from tieout.kernel.errors import ConflictError, NotFound, Refusal, shown
from tieout.kernel.instant import format_instant
from tieout.ports import PipelineAlert

NAME_LENGTH_MAX = 128
REASON_LENGTH_MAX = 1_000


class NoSuchAlert(NotFound):
    """No pipeline alert has this id."""

    code = "no-such-alert"

    def __init__(self, id: str) -> None:
        super().__init__(f"There is no pipeline alert {shown(id)}; `tieout ingest alerts --all` lists them.")


class AlertClosed(ConflictError):
    """An alert is closed once; who closed it and why stays as it was written."""

    code = "alert-closed"

    def __init__(self, alert: PipelineAlert) -> None:
        when = "" if alert.closed_at is None else f" on {format_instant(alert.closed_at)}"
        super().__init__(f"Alert {alert.id} was closed by {alert.closed_by}{when}: {alert.close_reason}")


class MalformedClosing(Refusal):
    """Name and reason are texts that another person can read."""

    code = "malformed-closing"

    def __init__(self, part: str, length_max: int) -> None:
        super().__init__(f"The {part} is 1 to {length_max} printable characters, in one line and not blank.")


def list_alerts(
    home: Home, *, only_open: bool = True, source: str | None = None
) -> tuple[PipelineAlert, ...]:
    """In the order of their hours. Raises `UnknownSource`."""
    if source is not None:
        check_source(home, source)
    return home.pipeline.alerts(only_open=only_open, source=source)


def close_alert(home: Home, id: str, *, by: str, reason: str) -> PipelineAlert:
    """Raises `NoSuchAlert`, `AlertClosed` or `MalformedClosing`."""
    name, why = checked_line("name", by, NAME_LENGTH_MAX), checked_line("reason", reason, REASON_LENGTH_MAX)
    closed = home.pipeline.close_alert(id, by=name, reason=why, at=home.clock.now())
    alert = home.pipeline.alert(id)
    if alert is None:
        raise NoSuchAlert(id)
    if not closed:
        raise AlertClosed(alert)
    return alert


def checked_line(part: str, text: str, length_max: int) -> str:
    """The text without blanks around it. Raises `MalformedClosing`."""
    line = text.strip()
    if not line or len(line) > length_max or not line.isprintable():
        raise MalformedClosing(part, length_max)
    return line
