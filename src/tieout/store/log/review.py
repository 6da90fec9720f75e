"""The log as a workplace, on its database and segments: one door to what people ask of single items."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tieout.contract.event_contract import ContractBook
from tieout.evidence.witness import Erasure
from tieout.kernel.ids import Position
from tieout.ports import Entropy, LogManifest, QuarantinedItem
from tieout.ports.review import (
    BatchArrival,
    Copies,
    Decision,
    Erased,
    EventQuery,
    Fate,
    FoundEvents,
    Kept,
    Progress,
    QuarantineGroup,
    QuarantineQuery,
    Readmission,
    Readmitted,
    Repeats,
    ReviewedItem,
    TypeTotal,
)
from tieout.store.log import decisions, erase, export, fates, scan
from tieout.store.log.copies import Looking
from tieout.store.log.erasures import find_erasure
from tieout.store.log.log import SqlEventLog
from tieout.store.log.release import readmit
from tieout.store.sqlite import Engine


class SqlLogReview:
    """`LogReview` of one home. Not for use by two threads at once where it locates identities."""

    def __init__(self, log: SqlEventLog, engine: Engine, segments: Path, *, entropy: Entropy) -> None:
        self._log = log
        self._engine = engine
        self._segments = segments
        self._entropy = entropy

    def items(self, query: QuarantineQuery) -> tuple[ReviewedItem, ...]:
        return decisions.list_reviewed(self._engine, query)

    def groups(self, query: QuarantineQuery) -> tuple[QuarantineGroup, ...]:
        return decisions.grouped(self._engine, query)

    def item(self, position: Position) -> ReviewedItem | None:
        return decisions.find_reviewed(self._engine, position)

    def items_of(self, event_id: str, source: str | None) -> tuple[ReviewedItem, ...]:
        return decisions.items_of_identity(self._engine, event_id, source)

    def equal_rows_before(self, item: QuarantinedItem) -> int:
        return decisions.equal_rows_before(self._engine, item)

    def readmit(
        self, book: ContractBook, items: Sequence[Readmission], decision: Decision
    ) -> tuple[Readmitted, ...]:
        appender, secret = self._log.appender(book), self._log.identity_secret
        return readmit(self._engine, appender, book, secret, self._entropy, items, decision)

    def discard(self, items: Sequence[Position], decision: Decision) -> None:
        decisions.record_discards(self._engine, items, decision)

    def locate(self, identities: Sequence[tuple[str, str]]) -> tuple[Position | None, ...]:
        index = self._log.identity_index()
        return tuple(fates.locate(self._engine, index, self._log.identity_secret, list(identities)))

    def sources(self) -> tuple[str, ...]:
        return fates.sources_of(self._engine)

    def fate(self, position: Position) -> Fate | None:
        with self._engine.connect() as connection:
            return fates.fates_of(connection, position.batch, [position.row])[0]

    def arrival(self, batch: int) -> BatchArrival:
        with self._engine.connect() as connection:
            return fates.arrival_of(connection, batch)

    def repeats(self, original: Position, source: str, *, limit: int) -> Repeats:
        with self._engine.connect() as connection:
            return fates.repeats_of(connection, original, source, limit=limit)

    def released_from(self, position: Position) -> Position | None:
        with self._engine.connect() as connection:
            return decisions.released_from(connection, position)

    def find(self, query: EventQuery, *, after: Position | None, limit: int) -> FoundEvents:
        return scan.find(self._manifest(query), query, after=after, limit=limit)

    def totals(self, query: EventQuery, progress: Progress | None = None) -> tuple[TypeTotal, ...]:
        return scan.totals(self._manifest(query), query, progress)

    def export(self, query: EventQuery, out: Path, progress: Progress | None = None) -> tuple[TypeTotal, ...]:
        return export.export(self._manifest(query), query, out, progress)

    def erasure(self, position: Position) -> Erasure | None:
        with self._engine.connect() as connection:
            return find_erasure(connection, position)

    def copies(self, position: Position) -> Copies:
        with self._engine.connect() as connection:
            return erase.copies(connection, self._segments, self._looking(), position)

    def erase(self, position: Position, keep: Kept, decision: Decision) -> Erased:
        return erase.erase(self._engine, self._segments, self._looking(), position, keep, decision)

    def _manifest(self, query: EventQuery) -> LogManifest:
        return self._log.manifest(query.watermark)

    def _looking(self) -> Looking:
        def located(source: str, id: str) -> Position | None:
            return self.locate([(source, id)])[0]

        return Looking(self._log.identity_secret, self._log.event_at, located)
