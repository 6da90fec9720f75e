"""The event log of one home: one door to what `append`, `reader`, `compact` and `verify` do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, insert, select

from tieout.contract.event_contract import ContractBook
from tieout.contract.retraction import RETRACTION_TYPE
from tieout.evidence.piece import Piece, PiecePlace
from tieout.ingest.event import Event, canonical_of
from tieout.ingest.reason import Reason
from tieout.kernel.digest import content_digest, identity_key, lanes
from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.ids import EventType, HomeId, Position, Subject, Watermark
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.ports import (
    EMPTY_LOG,
    Clock,
    Entropy,
    IndexStatus,
    LogManifest,
    LogVerification,
    Maintenance,
    OrphanSearch,
    QuarantinedItem,
    SegmentFiles,
    StoredEvent,
    Tally,
    UnreadableSegment,
)
from tieout.ports.dispositions import Dispositions
from tieout.ports.live import CommittedBatch
from tieout.store.failure import DamagedStore
from tieout.store.files import leased
from tieout.store.log import reader, schema, wal
from tieout.store.log.append import Appender, EqualsOriginal
from tieout.store.log.batch_rows import Redecode
from tieout.store.log.committed_batches import batch_digest, batch_received_at, committed_batches
from tieout.store.log.contracts_text import contracts_of
from tieout.store.log.dispositions import dispositions
from tieout.store.log.group import GroupReceiver
from tieout.store.log.index.committed import Committed
from tieout.store.log.index.index import IdentityIndex
from tieout.store.log.index.rebuild import index_status, learn_committed, rebuild_index
from tieout.store.log.intake import FileIntake
from tieout.store.log.lineage_rows import SqlLineageRows
from tieout.store.log.lookup import Lookup
from tieout.store.log.pieces import LogPieces
from tieout.store.log.pipeline.lags import LagKeeper, WaitingLags
from tieout.store.log.pipeline.refused import add_refused
from tieout.store.log.quarantine import find_item, list_items, list_tallies
from tieout.store.log.retraction_events import read_retractions
from tieout.store.log.review.erasures import find_erasure
from tieout.store.log.segments.compact import ROWS_DUE_MIN, compact
from tieout.store.log.segments.place import SegmentsPlace, open_segments
from tieout.store.log.segments.segment_tree import KeptTrees
from tieout.store.log.verify.verify import verify_log
from tieout.store.log.workers import Elsewhere, Here, Judgement
from tieout.store.sqlite import begin_immediate

SECRET_BYTES = 32
KEEPER_LOCK_NAME = "keeper.lock"
HERE = SegmentsPlace()
"""In the home's own folder, or where the home says its segments already are."""


class IndexAhead(IntegrityViolation):
    """The identity index knows batches that the log does not hold: one of the two is not this home's."""

    code = "index-ahead"

    def __init__(self, filed: int, head: int) -> None:
        super().__init__(
            f"the identity index reaches batch {filed}, the log ends at {head}; if the log was restored from "
            "a backup, `tieout index rebuild` makes it fit the log again"
        )


def create_log(engine: Engine, *, home_id: HomeId, entropy: Entropy) -> None:
    """Gives an empty log its home id and identity secret."""
    with begin_immediate(engine) as connection:
        rows = [
            {"name": "home_id", "value": home_id.encode()},
            {"name": "identity_secret", "value": entropy.token(SECRET_BYTES)},
        ]
        connection.execute(insert(schema.meta), rows)


class SqlEventLog:
    """The log in a database and the folders `segments/` and `index/` beside it."""

    def __init__(
        self,
        engine: Engine,
        folder: Path,
        *,
        clock: Clock,
        entropy: Entropy,
        segments: SegmentsPlace = HERE,
    ) -> None:
        self._engine = engine
        self._folder = folder
        self._segments = open_segments(engine, folder, segments)
        self._clock = clock
        self._entropy = entropy
        with engine.connect() as connection:
            meta = {row.name: row.value for row in connection.execute(select(schema.meta))}
        if not {"home_id", "identity_secret"} <= meta.keys():
            raise DamagedStore(f"the log in {folder} has lost its home id or its identity secret")
        self.home_id = HomeId(meta["home_id"].decode())
        self._secret: bytes = meta["identity_secret"]
        self._index: IdentityIndex | None = None
        self._waiting_lags = WaitingLags()

    @property
    def identity_secret(self) -> bytes:
        return self._secret

    def head(self) -> Watermark:
        with self._engine.connect() as connection:
            return Watermark(connection.execute(select(schema.head.c.batch)).scalar_one())

    @contextmanager
    def intake(
        self, book: ContractBook, *, origin: str, default_source: str | None, workers: int
    ) -> Iterator[FileIntake]:
        judgement = Judgement(book, self._secret, default_source)
        appender = self.appender(book)
        with Here(judgement) if workers <= 1 else Elsewhere(judgement, workers) as preparing:
            yield FileIntake(
                appender,
                preparing,
                clock=self._clock,
                entropy=self._entropy,
                judgement=judgement,
                origin=origin,
                contracts=contracts_of(book),
            )
        self._settled_index()

    def write_lags(self) -> None:
        self._waiting_lags.write(self._engine, self._folder)

    def receiver(self) -> GroupReceiver:
        return GroupReceiver(
            self._engine, self.appender, secret=self._secret, clock=self._clock, entropy=self._entropy
        )

    def count_refused(self, refused: Mapping[tuple[Instant, str, str], int]) -> None:
        add_refused(self._engine, self._folder, refused)

    def appender(self, book: ContractBook) -> Appender:
        """What appends batches that were judged by these contracts."""
        return Appender(
            self._engine,
            self._opened_index(),
            self._folder,
            equals_original=self._equals_original(book),
            lags=LagKeeper(self._clock, self._waiting_lags),
        )

    def compact(self, *, rows_min: int | None = None) -> int:
        return self.maintain(rows_min=rows_min).compacted

    def maintain(
        self, *, rows_min: int | None = None, orphans: OrphanSearch = OrphanSearch.ALWAYS
    ) -> Maintenance:
        index = self._opened_index()
        index.look_again()  # a keeper appends nothing, and what others have filed need not be kept twice
        return compact(
            self._engine,
            self._folder,
            self._segments,
            now=self._clock.now(),
            upto_filed=index.filed,
            rows_min=ROWS_DUE_MIN if rows_min is None else rows_min,
            orphans=orphans,
        )

    def keeping(self) -> AbstractContextManager[bool]:
        return leased(self._folder / KEEPER_LOCK_NAME)

    def checkpoint(self) -> int:
        return wal.checkpoint(self._engine, self._folder)

    def wal_bytes(self) -> int:
        return wal.wal_bytes(self._engine)

    @property
    def segments_place(self) -> str:
        """Where the segments lie, as a person reads it."""
        return self._segments.place

    def manifest(self, watermark: Watermark | None = None, *, distrust: bool = False) -> LogManifest:
        return reader.manifest(self._engine, self._segments, watermark, distrust=distrust)

    def committed(self, after: Watermark, *, rows_max: int) -> list[CommittedBatch]:
        return [*committed_batches(self._engine, self._segments, after, rows_max=rows_max)]

    def batch_digest(self, batch: Watermark) -> bytes | None:
        return batch_digest(self._engine, batch)

    def received_at(self, batch: Watermark) -> Instant | None:
        return batch_received_at(self._engine, batch)

    def events(
        self,
        spans: Mapping[Subject, Sequence[Period]],
        types: frozenset[EventType],
        *,
        watermark: Watermark,
        after: Watermark | None = None,
    ) -> Iterator[StoredEvent]:
        try:
            stored = list(reader.read_events(self.manifest(watermark), spans, types, after=after))
        except UnreadableSegment:  # merged away meanwhile, or a local copy that changed
            fresh = self.manifest(watermark, distrust=True)
            stored = list(reader.read_events(fresh, spans, types, after=after))
        return iter(stored)

    def lineage_rows(
        self,
        windows: Mapping[Subject, Sequence[Period]],
        event_type: EventType,
        *,
        watermark: Watermark,
        distrust: bool = False,
    ) -> SqlLineageRows:
        known = reader.manifest(
            self._engine,
            self._segments,
            watermark,
            only=frozenset({event_type, RETRACTION_TYPE}),
            distrust=distrust,
        )
        return SqlLineageRows(known, windows, event_type, self._pieces())

    def pieces(self, *, after: Watermark, upto: Watermark) -> Iterator[Piece]:
        return self._pieces().made(after=after, upto=upto)

    def piece_again(self, place: PiecePlace) -> tuple[int, bytes]:
        return self._pieces().again(place)

    def piece_counts(self, *, after: Watermark, upto: Watermark) -> Mapping[tuple[EventType, int], int]:
        return self._pieces().counts(after=after, upto=upto)

    def _pieces(self) -> LogPieces:
        return LogPieces(self._engine, self._segments, KeptTrees(self._engine, self._folder))

    @property
    def segments(self) -> SegmentFiles:
        return self._segments

    def event_at(self, position: Position) -> StoredEvent | None:
        return reader.event_at(self._engine, self._segments, position)

    def lookup(self) -> Lookup:
        """Finds identities with an index of its own, for one thread."""
        return Lookup(self._committed(), self._folder)

    def accepted(self, identities: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], StoredEvent]:
        return self.lookup().events(identities)

    def retractions(
        self,
        *,
        watermark: Watermark,
        after: Watermark = EMPTY_LOG,
        targets: Collection[tuple[str, str]] | None = None,
    ) -> list[StoredEvent]:
        known = reader.manifest(self._engine, self._segments, watermark, only=frozenset({RETRACTION_TYPE}))
        return read_retractions(known, after=after, targets=targets)

    def tallies(self) -> tuple[Tally, ...]:
        return list_tallies(self._engine)

    def dispositions(self, upto: Watermark) -> Dispositions:
        return dispositions(self._engine, upto)

    def quarantine(self, *, reason: Reason | None, limit: int) -> tuple[QuarantinedItem, ...]:
        return list_items(self._engine, reason=reason, limit=limit)

    def quarantined(self, position: Position) -> QuarantinedItem | None:
        return find_item(self._engine, position)

    def verify(self, progress: Callable[[int, int], None] | None = None) -> LogVerification:
        return verify_log(self._engine, self._folder, self._segments, self._secret, progress)

    def rebuild_index(self, progress: Callable[[int, int], None] | None = None) -> IndexStatus:
        rebuild_index(self._folder / "index", self._committed(), progress)
        self._index = None  # opened again by who needs it
        return self.index_status()

    def index_status(self) -> IndexStatus:
        return index_status(self._folder / "index", self._committed())

    def _opened_index(self) -> IdentityIndex:
        """The index, caught up with the log; its run files are written when due."""
        if self._index is None:
            index = IdentityIndex(self._folder / "index")
            head = self.head()
            if index.filed > head:
                raise IndexAhead(index.filed, head)
            learn_committed(index, self._committed())
            self._index = index
        self._index.file_runs()
        return self._index

    def _settled_index(self) -> IdentityIndex:
        """The index when it has learned every committed batch, and all run files that are due are there."""
        index = self._opened_index()
        learn_committed(index, self._committed())
        index.settle()
        return index

    def _committed(self) -> Committed:
        return Committed(self._engine, self._segments, self._secret, self._folder)

    def _equals_original(self, book: ContractBook) -> EqualsOriginal:
        """Tells a retry that a later contract version types otherwise from a conflict."""

        def equals(connection: Connection, row: int, redecode: Redecode, original: Position) -> bool:
            stored = reader.event_at_in(connection, self._segments, original)
            contract = stored and book.get(stored.event.type, stored.event.contract_version)
            if stored is None or contract is None:
                return False
            outcome = redecode(row, ContractBook([contract]))
            if not isinstance(outcome, Event):
                return False
            erasure = find_erasure(connection, original)
            key = (
                identity_key(self._secret, stored.event.source, stored.event.id)
                if erasure is None
                else erasure.identity_key
            )
            return lanes(content_digest(key, canonical_of(outcome, contract))) == (
                stored.lane_a,
                stored.lane_b,
            )

        return equals
