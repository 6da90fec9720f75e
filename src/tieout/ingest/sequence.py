"""Gaps in the numbers that a source gives its events: which never came, which came and were not accepted, and
which came more than once.

A number is the CloudEvents extension attribute `sequence`: 1 to 18 ASCII digits, where `sequencetype` is
absent or `Integer` (https://github.com/cloudevents/spec, extensions/sequence.md). What lies before the first
and after the last number that was received cannot be known from numbers; control totals tell that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from tieout.ingest.rejection import Flaw
from tieout.ingest.strict_json import read_json
from tieout.kernel.canonical import JsonNumber

SEQUENCE_DIGITS_MAX: Final = 18
SEQUENCE_TYPE: Final = "Integer"
_DIGITS = re.compile(rf"[0-9]{{1,{SEQUENCE_DIGITS_MAX}}}\Z", re.ASCII)

Range = tuple[int, int]
"""From the first to the last number, both included."""
Ranges = tuple[Range, ...]
"""In ascending order, disjoint, and not even touching."""


@dataclass(frozen=True, slots=True)
class SequenceRuns:
    """The numbers of a source's accepted events: those that are there, and those on more than one event.

    `repeats` is how many events carry a number that another one has already; `unreadable` events have a
    `sequence` that is no such number.
    """

    source: str
    present: Ranges
    repeated: Ranges
    repeats: int
    unreadable: int


@dataclass(frozen=True, slots=True)
class SequenceGaps:
    """What is known of one source's numbers from `first` to `last`, the ends of what was received."""

    source: str
    first: int
    last: int
    accepted: Ranges
    missing: Ranges
    not_accepted: Ranges
    repeated: Ranges
    repeats: int
    unreadable: int

    @property
    def missing_count(self) -> int:
        return count_of(self.missing)

    @property
    def not_accepted_count(self) -> int:
        return count_of(self.not_accepted)


def sequence_gaps(runs: SequenceRuns, refused: Iterable[int]) -> SequenceGaps | None:
    """`refused`: numbers of the source's items in quarantine or conflict. None where no number is known."""
    not_accepted = without(ranges_of(refused), runs.present)
    received = ranges_of_ranges((*runs.present, *not_accepted))
    if not received:
        return None
    first, last = received[0][0], received[-1][1]
    return SequenceGaps(
        source=runs.source,
        first=first,
        last=last,
        accepted=runs.present,
        missing=without(((first, last),), received),
        not_accepted=not_accepted,
        repeated=runs.repeated,
        repeats=runs.repeats,
        unreadable=runs.unreadable,
    )


def sequence_of(raw: bytes) -> int | None:
    """The number of an item as it came, where it can be read and has one."""
    if b'"sequence"' not in raw:
        return None
    try:
        item = read_json(raw)
    except Flaw:
        return None
    if not isinstance(item, dict) or item.get("sequencetype") not in (None, SEQUENCE_TYPE):
        return None
    value = item.get("sequence")
    text = value.text if isinstance(value, JsonNumber) else value
    return int(text) if isinstance(text, str) and _DIGITS.match(text) else None


def ranges_of(numbers: Iterable[int]) -> Ranges:
    """Any numbers as ranges."""
    return ranges_of_ranges((number, number) for number in numbers)


def ranges_of_ranges(ranges: Iterable[Range]) -> Ranges:
    """Any ranges, in any order and overlapping, as what they cover together."""
    joined: list[Range] = []
    for first, last in sorted(ranges):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return tuple(joined)


def without(ranges: Sequence[Range], taken: Sequence[Range]) -> Ranges:
    """What `ranges` cover and `taken` do not; both in ascending order and disjoint."""
    left: list[Range] = []
    place = 0
    for first, last in ranges:
        start = first
        while place < len(taken) and taken[place][1] < start:
            place += 1
        at = place
        while at < len(taken) and taken[at][0] <= last:
            if taken[at][0] > start:
                left.append((start, taken[at][0] - 1))
            start = max(start, taken[at][1] + 1)
            at += 1
        if start <= last:
            left.append((start, last))
    return tuple(left)


def count_of(ranges: Iterable[Range]) -> int:
    """How many numbers the ranges cover."""
    return sum(last - first + 1 for first, last in ranges)
