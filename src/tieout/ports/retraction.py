"""What the log is asked about identities and the retractions that name them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from tieout.ingest.event import Event
from tieout.ingest.verdict import Verdict
from tieout.kernel.errors import ConflictError
from tieout.kernel.ids import Position, Watermark

EMPTY_LOG: Final = Watermark(0)


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An accepted event as the log holds it, with the digest lanes that were stored beside it."""

    position: Position
    event: Event
    lane_a: int
    lane_b: int


class NotAllAccepted(ConflictError):
    """Items that belong together were not all acceptable; nothing of them was received."""

    code = "not-all-accepted"

    def __init__(self, row: int, verdict: Verdict, original: Position | None) -> None:
        self.row = row
        self.verdict = verdict
        self.original = original
        of = "" if original is None else f" of {original}"
        became = "not acceptable" if verdict is Verdict.QUARANTINED else f"a {verdict.name.lower()}{of}"
        super().__init__(f"Item {row + 1} of those that belong together is {became}; nothing was stored.")


class IdentityLog(Protocol):
    """The log, asked by (source, id)."""

    def accepted(self, identities: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], StoredEvent]:
        """The accepted events of these identities, retracted or not, for those that the log holds."""
        ...

    def retractions(
        self,
        *,
        watermark: Watermark,
        after: Watermark = EMPTY_LOG,
        targets: Collection[tuple[str, str]] | None = None,
    ) -> list[StoredEvent]:
        """Accepted retractions of batches later than `after` and up to `watermark`, in position order.

        With `targets`, only those that name one of these identities.
        """
        ...
