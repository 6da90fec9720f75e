"""The log as a workplace, on its database and segments: one door to what people ask of single items."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

from tieout.contract.event_contract import ContractBook
from tieout.evidence.witness import Erasure
from tieout.kernel.ids import Position
from tieout.ports import Entropy, LogManifest, QuarantinedItem, StoredEvent, UnreadableSegment
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
from tieout.store.log.log import SqlEventLog
from tieout.store.log.review import decisions, erase, export, fates, scan
from tieout.store.log.review.copies import Looking, names_in
from tieout.store.log.review.erasures import find_erasure
from tieout.store.log.review.release import readmit
from tieout.store.sqlite import Engine

ATTEMPTS_MAX: Final = 4
Answer = TypeVar("Answer")


class SqlLogReview:
    """`LogReview` of one home. What only asks may be called by any number of threads."""

    def __init__(self, log: SqlEventLog, engine: Engine, folder: Path, *, entropy: Entropy) -> None:
        self._log = log
        self._engine = engine
        self._folder = folder
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
        decisions.record_discards(self._engine, self._folder, items, decision)

    def locate(self, identities: Sequence[tuple[str, str]]) -> tuple[Position | None, ...]:
        return tuple(self._log.lookup().positions(identities))

    def sources(self) -> tuple[str, ...]:
        return fates.sources_of(self._engine)

    def fate(self, position: Position) -> Fate | None:
        with self._engine.connect() as connection:
            return fates.fates_of(connection, position.batch, [position.row])[0]

    def fates(self, batch: int) -> tuple[Fate, ...]:
        with self._engine.connect() as connection:
            return fates.all_fates(connection, batch)

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
        return self._read(query, lambda manifest, asked: scan.find(manifest, asked, after=after, limit=limit))

    def totals(self, query: EventQuery, progress: Progress | None = None) -> tuple[TypeTotal, ...]:
        return self._read(query, lambda manifest, asked: scan.totals(manifest, asked, progress))

    def export(self, query: EventQuery, out: Path, progress: Progress | None = None) -> tuple[TypeTotal, ...]:
        return self._read(query, lambda manifest, asked: export.export(manifest, asked, out, progress))

    def erasure(self, position: Position) -> Erasure | None:
        with self._engine.connect() as connection:
            return find_erasure(connection, position)

    def copies(self, position: Position) -> Copies:
        with self._engine.connect() as connection:
            return erase.copies(connection, self._log.segments, self._looking(), position)

    def erase(self, position: Position, keep: Kept, decision: Decision) -> Erased:
        place = erase.Place(self._engine, self._folder, self._log.segments)
        return erase.erase(place, self._looking(), position, keep, decision)

    def _read(self, query: EventQuery, compute: Callable[[LogManifest, EventQuery], Answer]) -> Answer:
        """Starts again with a fresh list of segments, as of the same batch, where one was merged away or
        replaced meanwhile; damage stays.
        """
        manifest = self._log.manifest(query.watermark)
        asked = replace(query, watermark=manifest.watermark)
        for _ in range(ATTEMPTS_MAX - 1):
            try:
                return compute(manifest, asked)
            except UnreadableSegment:
                manifest = self._log.manifest(manifest.watermark, distrust=True)
        return compute(manifest, asked)

    def _looking(self) -> Looking:
        lookup = self._log.lookup()

        def located(source: str, id: str) -> Position | None:
            return lookup.positions([(source, id)])[0]

        def naming(source: str, id: str) -> list[StoredEvent]:
            return [
                stored
                for stored in self._log.retractions(watermark=self._log.head())
                if stored.event.source == source and id in names_in(stored.event).values()
            ]

        return Looking(self._log.identity_secret, self._log.event_at, located, naming)
