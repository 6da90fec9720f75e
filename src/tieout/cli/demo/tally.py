"""What the demo counts while it runs, and the checks that make it fail rather than show a wrong number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tieout.cli.timed_ingest import NANOSECONDS, Timed
from tieout.kernel.errors import TieoutError


class DemoDiffers(TieoutError):
    """The demo's own expectation was not met."""

    code = "demo-differs"

    def __init__(self, what: str, *, expected: object, found: object) -> None:
        super().__init__(f"The demo expected {what} to be {expected}, and found {found}.")


@dataclass(frozen=True, slots=True)
class Tally:
    """Items by verdict, and how long reading them took."""

    received: int
    accepted: int
    duplicate: int
    conflict: int
    quarantined: int
    nanoseconds: int

    @property
    def ties(self) -> bool:
        """Law L1."""
        return self.received == self.accepted + self.duplicate + self.conflict + self.quarantined

    @property
    def events_per_second(self) -> int:
        return self.received * NANOSECONDS // max(self.nanoseconds, 1)


def tally(done: Iterable[Timed]) -> Tally:
    """The sum over files."""
    found = list(done)
    reports = [timed.report for timed in found]
    return Tally(
        received=sum(report.received for report in reports),
        accepted=sum(report.accepted for report in reports),
        duplicate=sum(report.duplicate for report in reports),
        conflict=sum(report.conflict for report in reports),
        quarantined=sum(report.quarantined for report in reports),
        nanoseconds=sum(timed.nanoseconds for timed in found),
    )


def expect(what: str, *, expected: object, found: object) -> None:
    """Stop with exit code 1 when they differ."""
    if expected != found:
        raise DemoDiffers(what, expected=expected, found=found)
