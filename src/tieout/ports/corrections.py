"""Corrections in the books: delta reports, approvals, what corrections start from, voids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from tieout.balance.movement import Movement
from tieout.contract.document import Document
from tieout.evidence.stored_corrections import (
    BilledCorrection,
    SettledRow,
    StoredApproval,
    StoredReport,
    StoredVoid,
)
from tieout.kernel.ids import CustomerId
from tieout.ledger.entry import Entry


class CorrectionStore(Protocol):
    """Everything here is only added."""

    def settled(self, customers: Sequence[CustomerId]) -> Mapping[CustomerId, tuple[SettledRow, ...]]:
        """The lines of all papers of these customers that stand, in the order in which they were sealed."""
        ...

    def misbilled(self) -> tuple[CustomerId, ...]:
        """Who was ever credited a billing error, on a paper that stands."""
        ...

    def papers(self, customer: CustomerId) -> int:
        """How many papers and voids the customer has: what `SealedRows.papers_seen` is held against."""
        ...

    def add(self, report: StoredReport) -> None:
        """Nothing where the same report is there."""
        ...

    def reports(self) -> tuple[StoredReport, ...]:
        """By instant of their preview, with their approvals."""
        ...

    def approve(self, digest: str, approval: StoredApproval, documents: Sequence[Document]) -> None:
        """The approval and the documents that it applies, in one transaction."""
        ...

    def billed(self) -> tuple[BilledCorrection, ...]:
        """What papers that stand carry of reports."""
        ...

    def voids(self) -> tuple[StoredVoid, ...]:
        """By instant."""
        ...

    def void(
        self,
        voided: StoredVoid,
        *,
        papers_seen: int,
        disputes_seen: int,
        movements: Sequence[Movement],
        movements_seen: int,
        entries: Sequence[Entry],
    ) -> None:
        """Voids a paper with the movements and entries that take back its own, in one transaction; refuses
        where a paper, a movement or a dispute of the customer came in between."""
        ...
