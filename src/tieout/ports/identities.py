"""The identity index, as it is shown: derived from the log, and built again from it when asked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IndexedRange:
    """One file of the index: the identities accepted in a range of batches."""

    first_batch: int
    last_batch: int
    identities: int
    bytes: int


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """The files that look-ups read, in order, and what is wrong with the others.

    `head` is the log's last batch; batches beyond the last range are learned from the log at opening.
    `leftover`: files that were merged into a longer one and are removed by the next filing.
    """

    head: int
    ranges: tuple[IndexedRange, ...]
    leftover: int
    faults: tuple[str, ...]

    @property
    def filed(self) -> int:
        """The last batch that files hold without a gap from the first."""
        following = 1
        for found in self.ranges:
            if found.first_batch == following:
                following = found.last_batch + 1
        return following - 1
