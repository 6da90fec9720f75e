"""Counts requests that were refused before an item of theirs was received: by hour, key and reason."""

from __future__ import annotations

from collections import Counter

from tieout.kernel.instant import Instant, hour_of
from tieout.ports import Clock, RequestLedger

Refused = tuple[Instant, str, str]


class Refusals:
    """Counted in memory, stored now and then and at the end. A count that cannot be stored is kept."""

    def __init__(self, ledger: RequestLedger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._counts: Counter[Refused] = Counter()

    def count(self, key_id: str, reason: str) -> None:
        self._counts[hour_of(self._clock.now()), key_id, reason] += 1

    def taken(self) -> Counter[Refused]:
        """What is to be stored; counting goes on."""
        taken, self._counts = self._counts, Counter()
        return taken

    def store(self, taken: Counter[Refused]) -> None:
        """Blocks."""
        self._ledger.count_refused(taken)

    def put_back(self, taken: Counter[Refused]) -> None:
        self._counts.update(taken)
