"""Heads of the log, as they were stated at each seal and with roots: only added."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from tieout.evidence.head import HeadSignature, KeptHead
from tieout.evidence.piece import Piece
from tieout.ports.folios import FolioHead

StateHead = Callable[[KeptHead | None], KeptHead]
"""The last head that is kept -> the one that follows it."""
StateRoots = Callable[[KeptHead | None, FolioHead], KeptHead]
"""The same for one with roots, with the last folio of the books before it."""


class HeadStore(Protocol):
    """Numbered from 1 without a gap; one for each run that seals, and those with roots between them."""

    def all(self) -> tuple[KeptHead, ...]:
        """In the order of their numbers."""
        ...

    def of_run(self, run: int) -> KeptHead | None: ...

    def runs_without(self) -> tuple[int, ...]:
        """Runs that sealed something and have no head, from the first run on that has one."""
        ...

    def keep(self, run: int, state: StateHead) -> KeptHead:
        """Adds what `state` gives; one at a time. Gives the one that is there where the run has one."""
        ...

    def with_roots(self) -> KeptHead | None:
        """The last one that states roots."""
        ...

    def keep_roots(self, after: KeptHead | None, state: StateRoots, pieces: Sequence[Piece]) -> bool:
        """Adds what `state` gives, with its pieces; nothing, and False, where `after` is not the last head
        with roots any more."""
        ...

    def pieces(self) -> Mapping[int, tuple[Piece, ...]]:
        """Of each head with roots, by its number, in order."""
        ...

    def sign(self, number: int, signature: HeadSignature) -> None:
        """Adds a signature to a head that waits for one; one that is signed stays as it is."""
        ...
