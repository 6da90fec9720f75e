"""Times as files write them: a layout, and for local times the zone whose clocks the sender read.

A local time that clocks skipped is impossible; one that they showed twice is the first, which is the rule of
the whole calendar (`kernel.instant.local_instant`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

from tieout.ingest.reason import Reason
from tieout.ingest.rejection import Flaw
from tieout.ingest.validate import TIME_REASONS, instant
from tieout.kernel.errors import Refusal, shown
from tieout.kernel.instant import Instant, MalformedInstant, NonexistentLocalTime, local_instant
from tieout.kernel.limits import TIMESTAMP_LENGTH_MAX
from tieout.kernel.zone import zone

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MONTH_DIGITS = {name: f"{number:02d}" for number, name in enumerate(MONTHS, start=1)}
PATTERNS = {
    "%Y": "(?P<year>[0-9]{4})",
    "%m": "(?P<month>[0-9]{2})",
    "%b": f"(?P<name>{'|'.join(MONTHS)})",
    "%d": "(?P<day>[0-9]{2})",
    "%H": "(?P<hour>[0-9]{2})",
    "%M": "(?P<minute>[0-9]{2})",
    "%S": "(?P<second>[0-9]{2})",
    "%f": "(?P<fraction>[0-9]+)",
    "%z": "(?P<offset>[Zz]|[+-][0-9]{2}:?[0-9]{2})",
}
REQUIRED = {"%Y", "%d", "%H", "%M", "%S"}
OPTIONAL_FRACTION = r"(?:\.(?P<fraction>[0-9]+))?"
DIRECTIVE = re.compile(r"%.|[^%]+|%", re.DOTALL)


class UnreadableLayout(Refusal):
    """A layout of a source mapping from which no instant can be read."""

    code = "unreadable-layout"

    def __init__(self, layout: str, why: str) -> None:
        super().__init__(layout, why)
        self.layout = layout
        self.why = why

    def __str__(self) -> str:
        return f"The time layout {shown(self.layout)} {self.why}."


def read_time(text: str, *, layout: str | None, zone_name: str | None) -> Instant:
    """The instant that a cell writes; finer digits are floored. Raises `Flaw` or `UnreadableLayout`.

    Without a layout the text is RFC 3339. With one, the offset is in the text (%z), or `zone_name` says whose
    local time it is.
    """
    if layout is None:
        return instant(text, "time")
    match = pattern(layout).match(text) if len(text) <= TIMESTAMP_LENGTH_MAX else None
    if match is None:
        raise Flaw(Reason.TIME_MALFORMED, "time", f"{shown(text)} is not written as {shown(layout)}")
    part = match.groupdict("")
    if "month" not in part:
        part["month"] = MONTH_DIGITS[part["name"]]
    if "offset" in part:
        return instant(rfc_3339(part), "time")
    if zone_name is None:
        raise Flaw(Reason.TIME_NAIVE, "time", f"{shown(text)} has no offset and the mapping names no zone")
    try:
        return local_instant(naive(part, text), zone(zone_name))
    except NonexistentLocalTime as error:
        raise Flaw(Reason.TIME_IMPOSSIBLE, "time", str(error)) from None
    except MalformedInstant as error:
        raise Flaw(TIME_REASONS[error.reason], "time", str(error)) from None


def rfc_3339(part: Mapping[str, str]) -> str:
    offset = part["offset"]
    colon_offset = offset if len(offset) != len("+hhmm") else f"{offset[:3]}:{offset[3:]}"
    date = f"{part['year']}-{part['month']}-{part['day']}"
    return (
        f"{date}T{part['hour']}:{part['minute']}:{part['second']}.{part.get('fraction') or '0'}{colon_offset}"
    )


def naive(part: Mapping[str, str], text: str) -> datetime:
    try:
        return datetime(  # noqa: DTZ001 -- what the sender's clock showed; `local_instant` reads it in the zone
            int(part["year"]),
            int(part["month"]),
            int(part["day"]),
            int(part["hour"]),
            int(part["minute"]),
            int(part["second"]),
            int(part.get("fraction", "")[:6].ljust(6, "0")),
        )
    except ValueError:
        raise Flaw(Reason.TIME_IMPOSSIBLE, "time", f"{shown(text)} does not exist") from None


@lru_cache(maxsize=256)
def pattern(layout: str) -> re.Pattern[str]:
    """The layout as a pattern. After %S a fraction may stand or not, whether or not the layout says `.%f`."""
    pieces = DIRECTIVE.findall(layout.replace("%S.%f", "%S"))
    named = [piece for piece in pieces if piece.startswith("%")]
    if len(set(named)) < len(named) or not set(named) <= PATTERNS.keys():
        raise UnreadableLayout(layout, f"may use each of {' '.join(PATTERNS)} once")
    if not set(named) >= REQUIRED or ("%m" in named) == ("%b" in named):
        raise UnreadableLayout(layout, "must name year, month, day, hour, minute and second")
    parts = [PATTERNS.get(piece) or re.escape(piece) for piece in pieces]
    if "%S" in named and "%f" not in named:
        parts[pieces.index("%S")] += OPTIONAL_FRACTION
    return re.compile("".join(parts) + r"\Z")
