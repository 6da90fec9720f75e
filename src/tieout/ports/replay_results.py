"""Results of replays, as a home keeps them: only added."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tieout.kernel.instant import Instant


@dataclass(frozen=True, slots=True)
class KeptResult:
    """`document` is the text of a `ReplayResult` as it was kept, `digest` its SHA-256 then."""

    number: int
    digest: str
    document: str
    recorded_at: Instant


class ReplayResultStore(Protocol):
    """Numbered from 1 without a gap, in the order in which they were kept."""

    def all(self) -> tuple[KeptResult, ...]:
        """In the order of their numbers."""
        ...

    def add(self, document: str, digest: str, *, recorded_at: Instant) -> KeptResult:
        """One at a time. The same text again changes nothing; what is stored comes back."""
        ...
