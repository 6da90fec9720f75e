"""Heads of the log, as they were stated at each seal: only added."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from tieout.evidence.head import HeadSignature, KeptHead

StateHead = Callable[[KeptHead | None], KeptHead]
"""The last head that is kept -> the one that follows it."""


class HeadStore(Protocol):
    """Numbered from 1 without a gap; one for each run that seals."""

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

    def sign(self, number: int, signature: HeadSignature) -> None:
        """Adds a signature to a head that waits for one; one that is signed stays as it is."""
        ...
