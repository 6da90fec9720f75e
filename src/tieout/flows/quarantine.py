"""The quarantine as a list and item by item, a conflict beside the accepted original that it contradicts."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.flows.home import Home
from tieout.ingest.reason import Reason
from tieout.kernel.errors import NotFound, Refusal
from tieout.kernel.ids import Position
from tieout.ports import QuarantinedItem, StoredEvent

LIST_LIMIT = 1_000


class UnknownReason(Refusal):
    """There is no such reason code."""

    code = "unknown-reason"

    def __init__(self, text: str) -> None:
        known = ", ".join(reason.code for reason in Reason if reason is not Reason.NONE)
        super().__init__(f"{text} is not a reason; reasons are {known}.")


class NotInQuarantine(NotFound):
    """No quarantined item or conflict has this position."""

    code = "not-in-quarantine"

    def __init__(self, position: Position) -> None:
        super().__init__(f"Nothing in the quarantine has the position {position}.")


@dataclass(frozen=True, slots=True)
class ShownItem:
    """An item with its bytes; `original` is the accepted event that a conflict contradicts."""

    item: QuarantinedItem
    original: StoredEvent | None


def list_quarantine(
    home: Home, *, reason: str | None = None, limit: int = LIST_LIMIT
) -> tuple[QuarantinedItem, ...]:
    """In the order of arrival, without their bytes."""
    return home.log.quarantine(reason=None if reason is None else _reason(reason), limit=limit)


def show_quarantine(home: Home, position: str) -> ShownItem:
    """Raises `MalformedPosition` and `NotInQuarantine`."""
    place = Position.parse(position)
    item = home.log.quarantined(place)
    if item is None:
        raise NotInQuarantine(place)
    return ShownItem(item, None if item.original is None else home.log.event_at(item.original))


def _reason(text: str) -> Reason:
    for reason in Reason:
        if reason is not Reason.NONE and text in (reason.code, str(int(reason))):
            return reason
    raise UnknownReason(text)
