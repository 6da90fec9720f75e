"""What a source states that it sent in a window, and whether what was accepted ties to it.

The window is half-open and about the time in the events. Duplicates are accepted once, so they count once.
What was taken back later counts either way: a source that states what it sent counts it, one that states what
is right does not. So a statement ties with all that was accepted, or with what of it stands.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tieout.ingest.validate import VISIBLE_ASCII
from tieout.kernel.errors import Refusal, shown
from tieout.kernel.ids import EventType
from tieout.kernel.instant import Instant, format_instant
from tieout.kernel.limits import FRACTION_DIGITS_MAX, ID_LENGTH_MAX, SOURCE_LENGTH_MAX
from tieout.kernel.quantity import ATOMS_PER_UNIT, Quantity

TOTAL_DIGITS_MAX: Final = 26
"""Integer digits of a stated sum, as many as a sum of quantities may have."""
EVENTS_MAX: Final = 10**15
_EVENTS = re.compile(r"[0-9]{1,16}\Z", re.ASCII)
_TOTAL = re.compile(
    rf"(-?)([0-9]{{1,{TOTAL_DIGITS_MAX}}})(?:\.([0-9]{{1,{FRACTION_DIGITS_MAX}}}))?\Z", re.ASCII
)


class TotalState(StrEnum):
    """OPEN: it does not tie yet, and its window has not ended."""

    OPEN = "open"
    MATCHED = "matched"
    DIFFERS = "differs"


class MalformedControlTotal(Refusal):
    """The statement cannot be compared with anything; the text says what is wrong with which part."""

    code = "malformed-control-total"

    def __init__(self, part: str, what: str) -> None:
        super().__init__(part, what)
        self.part = part
        self.what = what

    def __str__(self) -> str:
        return f"{self.part}: {self.what}."


@dataclass(frozen=True, slots=True)
class ControlTotal:
    """`events` of `type` with times from `start` to before `end`, whose `field` adds up to `total`.

    Field and total are both there or both absent. Raises `MalformedControlTotal`.
    """

    source: str
    id: str
    type: EventType
    start: Instant
    end: Instant
    events: int
    field: str | None
    total: Quantity | None

    def __post_init__(self) -> None:
        _check_name("source", self.source, SOURCE_LENGTH_MAX)
        _check_name("id", self.id, ID_LENGTH_MAX)
        if self.start >= self.end:
            window = f"{format_instant(self.start)} is not before {format_instant(self.end)}"
            raise MalformedControlTotal("window", window)
        if not 0 <= self.events <= EVENTS_MAX:
            raise MalformedControlTotal("events", f"{self.events} is not a number from 0 to {EVENTS_MAX}")
        if (self.field is None) != (self.total is None):
            raise MalformedControlTotal("total", "a field and its total are stated together")


@dataclass(frozen=True, slots=True)
class Accepted:
    """What was accepted in a window: how many events, and the exact sum of the field where one is stated;
    and the same of those that were taken back since."""

    events: int
    total: Quantity | None
    retracted_events: int = 0
    retracted_total: Quantity | None = None

    @property
    def standing(self) -> Accepted:
        """Without what was taken back."""
        total, gone = self.total, self.retracted_total
        left = total if total is None or gone is None else total - gone
        return Accepted(self.events - self.retracted_events, left)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Accepted less stated: a negative difference is missing here, a positive one is more than was stated.
    Where what stands is no fewer than stated, it is what is compared: retracting brings the two together."""

    stated: ControlTotal
    accepted: Accepted
    state: TotalState

    @property
    def events_difference(self) -> int:
        return self._nearer.events - self.stated.events

    @property
    def total_difference(self) -> Quantity | None:
        if self._nearer.total is None or self.stated.total is None:
            return None
        return self._nearer.total - self.stated.total

    @property
    def is_taken_back_too_far(self) -> bool:
        """More than stated came, and less than stated stands."""
        return self.accepted.standing.events < self.stated.events < self.accepted.events

    @property
    def _nearer(self) -> Accepted:
        standing = self.accepted.standing
        return standing if standing.events >= self.stated.events else self.accepted


def compare(stated: ControlTotal, accepted: Accepted, *, now: Instant) -> Comparison:
    """Ties exactly, with all or with what stands, or not at all; before the end of the window, what does not
    tie yet is open."""
    assert (stated.total is None) == (accepted.total is None), "a stated sum is compared with a sum"
    if any(
        (stated.events, stated.total) == (each.events, each.total) for each in (accepted, accepted.standing)
    ):
        return Comparison(stated, accepted, TotalState.MATCHED)
    return Comparison(stated, accepted, TotalState.OPEN if now < stated.end else TotalState.DIFFERS)


def parse_total(text: str) -> Quantity:
    """A plain decimal of at most 26 integer and 12 fraction digits. Raises `MalformedControlTotal`."""
    match = _TOTAL.match(text)
    if match is None:
        rule = f"{shown(text)} is not a plain decimal number such as 12 or -0.5"
        limits = f"at most {TOTAL_DIGITS_MAX} integer and {FRACTION_DIGITS_MAX} fraction digits"
        raise MalformedControlTotal("total", f"{rule}, {limits}")
    sign, whole, fraction = match.groups()
    atoms = int(whole) * ATOMS_PER_UNIT + int((fraction or "").ljust(FRACTION_DIGITS_MAX, "0"))
    return Quantity.from_atoms(-atoms if sign else atoms)


def parse_events(text: str) -> int:
    """A whole number in plain digits, from 0 to EVENTS_MAX. Raises `MalformedControlTotal`."""
    if _EVENTS.match(text) is None or int(text) > EVENTS_MAX:
        raise MalformedControlTotal("events", f"{shown(text)} is not a number from 0 to {EVENTS_MAX}")
    return int(text)


def _check_name(part: str, text: str, length_max: int) -> None:
    if VISIBLE_ASCII.match(text) is None or len(text) > length_max:
        raise MalformedControlTotal(part, f"{shown(text)} is not 1 to {length_max} visible ASCII characters")
