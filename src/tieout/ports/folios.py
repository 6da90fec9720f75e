"""Folios: what each transaction wrote into the books, chained, and held against the rows that are there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from tieout.ports.events import LogFinding


@dataclass(frozen=True, slots=True)
class FolioHead:
    """The last folio; `digest` covers all before it, in hexadecimal digits."""

    number: int
    digest: str


class FolioStore(Protocol):
    def head(self) -> FolioHead:
        """Of now."""
        ...

    def digest(self, number: int) -> str | None:
        """Of one folio; None where there is none of that number."""
        ...

    def findings(self) -> Iterator[LogFinding]:
        """Every row that was changed, removed or added otherwise than by a transaction of ours, as far as the
        chain stands. Reads all rows of the books, a thousand at a time."""
        ...
