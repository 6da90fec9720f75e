"""Verifications of the log, as they are put on record: a policy may ask for one before a seal."""

from __future__ import annotations

from typing import Protocol

from tieout.close.requirements import VerifiedLog


class VerificationStore(Protocol):
    """Only added; the latest one counts."""

    def add(self, found: VerifiedLog) -> None: ...

    def latest(self) -> VerifiedLog | None: ...
