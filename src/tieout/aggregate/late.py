"""What arrived late: after a cutoff with which periods were sealed, with a time before the end of one.

A staircase of cutoffs tells it without asking any sealed snapshot: each step says that everything which was
sealed with usage up to the end of batch `cutoff` lies before the instant `until`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tieout.kernel.ids import Subject, Watermark
from tieout.kernel.instant import Instant


@dataclass(frozen=True, slots=True, order=True)
class CutoffStep:
    """Periods that end at `until` or before were sealed with usage up to the end of batch `cutoff`."""

    cutoff: Watermark
    until: Instant


@dataclass(frozen=True, slots=True)
class LateStretch:
    """Events of one subject that may be late for what one step sealed: the times of the first and the last of
    them, and the last batch in which any came."""

    subject: Subject
    first: Instant
    last: Instant
    batch: int


def staircase(steps: Iterable[CutoffStep]) -> tuple[CutoffStep, ...]:
    """Those steps that say more than the others: cutoffs and instants both grow from one to the next."""
    kept: list[CutoffStep] = []
    for step in sorted(steps, key=lambda step: (step.cutoff, -step.until)):
        if not kept or step.until > kept[-1].until:
            kept.append(step)
    return tuple(kept)


def cutoff_of(stairs: Sequence[CutoffStep], time: Instant) -> Watermark | None:
    """The first cutoff with which a period that holds the time may have been sealed; None where none may."""
    place = bisect_right(stairs, time, key=lambda step: step.until)
    return stairs[place].cutoff if place < len(stairs) else None


def may_be_late(stairs: Sequence[CutoffStep], *, batch: int, time: Instant) -> bool:
    cutoff = cutoff_of(stairs, time)
    return cutoff is not None and batch > cutoff
