"""What became of the items of a source, as counts, and the two rates that are made of them.

The acceptance rate is accepted / received, the duplicate rate duplicate / received: of everything that came.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from tieout.ingest.verdict import Verdict
from tieout.kernel.rounding import Rounding, quantize

RATE_PLACES: Final = 6
"""Decimal places of a rate as it is printed, rounded half away from zero; the counts beside it are exact."""


@dataclass(frozen=True, slots=True)
class VerdictCounts:
    """Items by verdict; received is their sum (law L1)."""

    accepted: int = 0
    duplicate: int = 0
    conflict: int = 0
    quarantined: int = 0

    @property
    def received(self) -> int:
        return self.accepted + self.duplicate + self.conflict + self.quarantined

    @property
    def acceptance(self) -> Fraction | None:
        """None where nothing was received."""
        return Fraction(self.accepted, self.received) if self.received else None

    @property
    def duplication(self) -> Fraction | None:
        """None where nothing was received."""
        return Fraction(self.duplicate, self.received) if self.received else None

    def __add__(self, other: VerdictCounts) -> VerdictCounts:
        return VerdictCounts(
            self.accepted + other.accepted,
            self.duplicate + other.duplicate,
            self.conflict + other.conflict,
            self.quarantined + other.quarantined,
        )


NOTHING: Final = VerdictCounts()


def verdict_counts(pairs: Iterable[tuple[Verdict, int]]) -> VerdictCounts:
    """The counts of (verdict, items) pairs, in any order and number."""
    found = dict.fromkeys(Verdict, 0)
    for verdict, items in pairs:
        found[verdict] += items
    return VerdictCounts(
        accepted=found[Verdict.ACCEPTED],
        duplicate=found[Verdict.DUPLICATE],
        conflict=found[Verdict.CONFLICT],
        quarantined=found[Verdict.QUARANTINED],
    )


def rate_text(rate: Fraction) -> str:
    """A rate as a decimal text, such as `0.984375`."""
    return str(quantize(rate, RATE_PLACES, Rounding.HALF_AWAY_FROM_ZERO))
