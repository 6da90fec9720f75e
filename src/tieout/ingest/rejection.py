"""What ingestion says about an item that it cannot accept: one reason, the field, a detail for a person."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.ingest.reason import Reason

UNKNOWN_SOURCE = "unknown"
"""Under this source an item is counted whose own source cannot be told."""
DETAIL_LENGTH_MAX = 200


@dataclass(frozen=True, slots=True)
class Rejected:
    """An item for the quarantine. `source` and `id` are the item's own where they could be read."""

    reason: Reason
    field: str | None
    detail: str
    source: str
    id: str | None

    def __post_init__(self) -> None:
        assert self.reason is not Reason.NONE, "a rejection has a reason"
        assert len(self.detail) <= DETAIL_LENGTH_MAX and len(self.field or "") <= DETAIL_LENGTH_MAX


class Flaw(Exception):
    """The first thing wrong with an item. Raised by the checks; `Rejected` before it leaves ingest."""

    def __init__(self, reason: Reason, field: str | None, detail: str) -> None:
        super().__init__(f"{reason.code} in {field or 'the item'}: {detail}")
        self.reason = reason
        self.field = field
        self.detail = detail

    def rejected(self, source: str = UNKNOWN_SOURCE, id: str | None = None) -> Rejected:
        """The flaw as a value; texts are cut to DETAIL_LENGTH_MAX characters."""
        field = None if self.field is None else self.field[:DETAIL_LENGTH_MAX]
        return Rejected(self.reason, field, self.detail[:DETAIL_LENGTH_MAX], source, id)
