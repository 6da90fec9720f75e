"""The event log of one home: one door to what `append`, `reader`, `compact` and `verify` do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, insert, select

from tieout.contract.event_contract import ContractBook
from tieout.ingest.event import Event, canonical_of
from tieout.ingest.reason import Reason
from tieout.kernel.digest import content_digest, identity_key, lanes
from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.ids import EventType, HomeId, Position, Subject, Watermark
from tieout.kernel.period import Period
from tieout.ports import (
    Clock,
    Entropy,
    LogManifest,
    LogVerification,
    QuarantinedItem,
    StoredEvent,
    Tally,
)
from tieout.store.failure import DamagedStore
from tieout.store.log import reader, schema
from tieout.store.log.append import Appender, EqualsOriginal, Redecode, contracts_of
from tieout.store.log.compact import ROWS_DUE_MIN, compact
from tieout.store.log.erasures import find_erasure
from tieout.store.log.index.index import IdentityIndex
from tieout.store.log.index.rebuild import learn_missing
from tieout.store.log.intake import FileIntake
from tieout.store.log.quarantine import find_item, list_items, list_tallies
from tieout.store.log.verify import verify_log
from tieout.store.log.workers import Elsewhere, Here, Judgement
from tieout.store.sqlite import begin_immediate

SECRET_BYTES = 32
LOCK_NAME = "log.lock"


class IndexAhead(IntegrityViolation):
    """The identity index knows batches that the log does not hold: one of the two is not this home's."""

    code = "index-ahead"

    def __init__(self, filed: int, head: int) -> None:
        super().__init__(
            f"the identity index reaches batch {filed}, the log ends at {head}; if the log was restored from "
            "a backup, delete the folder index/, and it is rebuilt"
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

    def __init__(self, engine: Engine, folder: Path, *, clock: Clock, entropy: Entropy) -> None:
        self._engine = engine
        self._folder = folder
        self._segments = folder / "segments"
        self._clock = clock
        self._entropy = entropy
        with engine.connect() as connection:
            meta = {row.name: row.value for row in connection.execute(select(schema.meta))}
        if not {"home_id", "identity_secret"} <= meta.keys():
            raise DamagedStore(f"the log in {folder} has lost its home id or its identity secret")
        self.home_id = HomeId(meta["home_id"].decode())
        self._secret: bytes = meta["identity_secret"]
        self._index: IdentityIndex | None = None

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

    def appender(self, book: ContractBook) -> Appender:
        """What appends batches that were judged by these contracts."""
        index = self.identity_index()
        return Appender(
            self._engine, index, self._folder / LOCK_NAME, equals_original=self._equals_original(book)
        )

    def compact(self, *, rows_min: int | None = None) -> int:
        index = self.identity_index()
        wanted = ROWS_DUE_MIN if rows_min is None else rows_min
        now = self._clock.now()
        return compact(self._engine, self._segments, now=now, upto_filed=index.filed, rows_min=wanted)

    def manifest(self, watermark: Watermark | None = None) -> LogManifest:
        return reader.manifest(self._engine, self._segments, watermark)

    def events(
        self,
        spans: Mapping[Subject, Sequence[Period]],
        types: frozenset[EventType],
        *,
        watermark: Watermark,
        after: Watermark | None = None,
    ) -> Iterator[StoredEvent]:
        return reader.read_events(self.manifest(watermark), spans, types, after=after)

    def event_at(self, position: Position) -> StoredEvent | None:
        return reader.event_at(self._engine, self._segments, position)

    def tallies(self) -> tuple[Tally, ...]:
        return list_tallies(self._engine)

    def quarantine(self, *, reason: Reason | None, limit: int) -> tuple[QuarantinedItem, ...]:
        return list_items(self._engine, reason=reason, limit=limit)

    def quarantined(self, position: Position) -> QuarantinedItem | None:
        return find_item(self._engine, position)

    def verify(self, progress: Callable[[int, int], None] | None = None) -> LogVerification:
        return verify_log(self._engine, self._segments, self._folder / "index", self._secret, progress)

    def identity_index(self) -> IdentityIndex:
        """The index, caught up from what the log no longer holds as key entries; its run files are written
        when due.
        """
        if self._index is None:
            self._index = IdentityIndex(self._folder / "index")
            head = self.head()
            if self._index.filed > head:
                raise IndexAhead(self._index.filed, head)
            learn_missing(self._engine, self._segments, self._index, self._secret)
        self._index.file_runs()
        return self._index

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
