"""What is recorded for readiness: levels, and the documents that people sign. Only added."""

from __future__ import annotations

from typing import Protocol

from tieout.contract.signature import Signature
from tieout.kernel.errors import ConflictError
from tieout.readiness.documents import ReadinessDocument
from tieout.readiness.level import RecordedLevel


class LevelChanged(ConflictError):
    """Somebody else set the level since it was looked at."""

    code = "level-changed"

    def __init__(self) -> None:
        super().__init__("The level was set by somebody else meanwhile; look at it, and set it again.")


class ReadinessStore(Protocol):
    """Signatures over the documents are in the store of signatures, under their digests."""

    def level(self) -> RecordedLevel | None:
        """The last one that was set; None where readiness was never started."""
        ...

    def levels(self) -> tuple[RecordedLevel, ...]:
        """All, in their order."""
        ...

    def set_level(self, level: RecordedLevel) -> None:
        """Its `seq` is the next one, or it raises `LevelChanged`."""
        ...

    def documents(self) -> tuple[ReadinessDocument, ...]:
        """In the order in which they were recorded."""
        ...

    def add(self, document: ReadinessDocument, *, signed: Signature | None = None) -> ReadinessDocument:
        """The same document again changes nothing; what is stored comes back. With a signature of it both are
        recorded, or neither. Raises `SignatureExists`."""
        ...
