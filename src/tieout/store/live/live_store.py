"""`ports.live.LiveStore` in `live-N.db`: one writer at a time, any number of readers, in any process.

Every commit leaves each request as the log said at the watermark of the same commit, so a process that is
killed leaves nothing half done, and the next one goes on from there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, delete, func, insert, select
from sqlalchemy.exc import DatabaseError

from tieout.aggregate.accumulation import Accumulation
from tieout.kernel.ids import CustomerId, HomeId, MeterKey, Subject, SubscriptionId, Watermark
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.ports import EventLog
from tieout.ports.live import (
    DamagedLiveUsage,
    LiveAnswer,
    LiveMark,
    RequestDigest,
    StandingChange,
    StandingRow,
)
from tieout.store.crash import crash_point
from tieout.store.failure import DamagedStore, storage_failure
from tieout.store.files import leased, remove
from tieout.store.live import schema
from tieout.store.live.rows import (
    ids_of,
    insert_rows,
    pieces,
    read_groups,
    standing_row,
    states,
    write_groups,
    write_states,
    write_texts,
)
from tieout.store.live.state_text import (
    group_name,
    group_text,
    parse_state,
)
from tieout.store.sqlite import begin_immediate, open_engine

LOCK_NAME: Final = "live.lock"
_META: Final = select(schema.meta)


class SqliteLiveStore:
    """Opened when it is first needed: a command that does not ask for live usage pays nothing."""

    def __init__(self, folder: Path, home_id: HomeId, log: EventLog) -> None:
        self._folder = folder
        self._home_id = home_id
        self._log = log
        self._file: Path | None = None
        self._engine: Engine | None = None
        self._trusted: Watermark | None = None

    def leading(self) -> AbstractContextManager[bool]:
        return leased(self._folder / LOCK_NAME)

    def close(self) -> None:
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def mark(self) -> LiveMark | None:
        engine = self._found()
        try:
            if engine is not None:
                with engine.connect() as connection:
                    return self._mark(connection)
        except DatabaseError:
            self.close()
        return None

    def begin(self, at: LiveMark) -> None:
        self._trusted = None
        self._clear()
        row = {"id": 1, "format": schema.FORMAT, "home_id": self._home_id, **self._place(at)}
        with self._writing() as connection:
            connection.execute(insert(schema.meta), [row])

    def read(self, digests: Sequence[RequestDigest], *, groups: bool = True) -> LiveAnswer | None:
        kept: dict[RequestDigest, Accumulation] = {}
        distinct: dict[RequestDigest, int] = {}
        engine = self._found()
        if engine is None:
            return None
        try:
            with engine.connect() as connection:
                mark = self._mark(connection)
                if mark is None:
                    return None
                for row in (row for some in pieces(digests) for row in states(connection, some)):
                    one, texts, expected = parse_state(row.digest, row.state)
                    if groups and expected:
                        read_groups(connection, row.id, row.digest, one, expected)
                    kept[row.digest], distinct[row.digest] = one, texts
        except (DatabaseError, DamagedLiveUsage):
            return None
        return LiveAnswer(mark, kept, distinct)

    def standing(self, subjects: Sequence[Subject]) -> list[StandingRow]:
        table, spans = schema.standing, schema.spans
        found: list[StandingRow] = []
        with self._reading() as connection:
            ids: set[int] = set()
            for some in pieces(subjects):
                query = select(spans.c.standing).where(spans.c.subject.in_(some)).distinct()
                ids |= {row.standing for row in connection.execute(query)}
            for some_ids in pieces(sorted(ids)):
                lists: dict[int, list[tuple[Subject, Instant, Instant]]] = {}
                listed = select(spans).where(spans.c.standing.in_(some_ids))
                for row in connection.execute(listed.order_by(spans.c.subject, spans.c.opens)):
                    lists.setdefault(row.standing, []).append((row.subject, row.opens, row.closes))
                rows = select(table).where(table.c.id.in_(some_ids), table.c.state.is_not(None))
                found += [
                    StandingRow(
                        row.digest,
                        CustomerId(row.customer),
                        SubscriptionId(row.subscription),
                        MeterKey(row.meter),
                        row.meter_version,
                        row.meter_digest,
                        Period(Instant(row.period_start), Instant(row.period_end)),
                        row.breakdown,
                        tuple(lists[row.id]),
                    )
                    for row in connection.execute(rows)
                ]
        return found

    def kept(self, digests: Sequence[RequestDigest]) -> Mapping[RequestDigest, Accumulation]:
        found = {}
        with self._reading() as connection:
            for some in pieces(digests):
                for row in states(connection, some):
                    one, texts, groups = parse_state(row.digest, row.state)
                    if groups:
                        read_groups(connection, row.id, row.digest, one, groups)
                    if texts:
                        query = select(schema.texts).where(schema.texts.c.standing == row.id)
                        one.texts = {each.text: each.times for each in connection.execute(query)}
                    if len(one.texts) != texts:
                        raise DamagedLiveUsage
                    found[row.digest] = one
        return found

    def known(self, customers: Sequence[CustomerId]) -> Mapping[CustomerId, frozenset[RequestDigest]]:
        found: dict[CustomerId, set[RequestDigest]] = {customer: set() for customer in customers}
        table = schema.standing
        with self._reading() as connection:
            for some in pieces(customers):
                query = select(table.c.customer, table.c.digest).where(table.c.customer.in_(some))
                for row in connection.execute(query):
                    found[row.customer].add(row.digest)
        return {customer: frozenset(digests) for customer, digests in found.items()}

    def given_up(self, digests: Sequence[RequestDigest]) -> frozenset[RequestDigest]:
        table = schema.standing
        found: set[RequestDigest] = set()
        with self._reading() as connection:
            for some in pieces(digests):
                query = select(table.c.digest).where(table.c.digest.in_(some), table.c.state.is_(None))
                found |= {row.digest for row in connection.execute(query)}
        return frozenset(found)

    def add(self, rows: Sequence[tuple[StandingRow, Accumulation]]) -> None:
        with self._writing() as connection:
            mark = self._mark(connection)
            assert mark is not None, "a store begins before anything is kept in it"
            at = connection.execute(select(func.max(schema.standing.c.id))).scalar() or 0
            numbered = list(enumerate(rows, start=at + 1))
            insert_rows(
                connection,
                schema.standing,
                [standing_row(n, row, one, mark) for n, (row, one) in numbered],
            )
            insert_rows(
                connection,
                schema.spans,
                [
                    {"subject": subject, "standing": number, "opens": opens, "closes": closes}
                    for number, (row, _) in numbered
                    for subject, opens, closes in row.spans
                ],
            )
            insert_rows(
                connection,
                schema.groups,
                [
                    {"standing": n, "name": group_name(group), "state": group_text(row.digest, group)}
                    for n, (row, one) in numbered
                    for group in one.groups.values()
                ],
            )
            insert_rows(
                connection,
                schema.texts,
                [
                    {"standing": number, "text": text, "times": times}
                    for number, (_, one) in numbered
                    for text, times in one.texts.items()
                ],
            )
            crash_point("live-added")

    def drop(self, digests: Sequence[RequestDigest]) -> None:
        with self._writing() as connection:
            ids = list(ids_of(connection, digests).values())
            for some in pieces(ids):
                for table in (schema.spans, schema.groups, schema.texts):
                    connection.execute(delete(table).where(table.c.standing.in_(some)))
                connection.execute(delete(schema.standing).where(schema.standing.c.id.in_(some)))

    def give_up(self, digest: RequestDigest, customer: CustomerId) -> None:
        with self._writing() as connection:
            for number in ids_of(connection, [digest]).values():
                for table in (schema.spans, schema.groups, schema.texts):
                    connection.execute(delete(table).where(table.c.standing == number))
                connection.execute(delete(schema.standing).where(schema.standing.c.id == number))
            row = dict.fromkeys(("subscription", "meter", "meter_digest"), "") | dict.fromkeys(
                ("meter_version", "period_start", "period_end", "changed"), 0
            )
            connection.execute(insert(schema.standing), [row | {"digest": digest, "customer": customer}])

    def advance(self, mark: LiveMark, changes: Sequence[StandingChange]) -> None:
        with self._writing() as connection:
            ids = ids_of(connection, [change.digest for change in changes])
            write_states(connection, ids, changes, mark)
            crash_point("live-states-written")
            for change in changes:
                write_groups(connection, ids[change.digest], change)
                write_texts(connection, ids[change.digest], change)
            connection.execute(schema.meta.update().values(**self._place(mark)))
            crash_point("live-advancing")
        crash_point("live-advanced")

    def changed(self, customers: Collection[CustomerId]) -> dict[CustomerId, Watermark]:
        table, engine = schema.standing, self._found()
        if engine is None:
            return {}
        query = select(table.c.customer, func.max(table.c.changed)).group_by(table.c.customer)
        with engine.connect() as connection:
            found = connection.execute(query.where(table.c.customer.in_(sorted(customers)))).all()
        return {CustomerId(customer): Watermark(changed) for customer, changed in found}

    def _opened(self) -> Engine:
        engine = self._found()
        assert engine is not None, "a store begins before anything is kept in it"
        return engine

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with _told_if_damaged(), self._opened().connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with _told_if_damaged(), begin_immediate(self._opened()) as connection:
            yield connection

    def _found(self) -> Engine | None:
        """The newest file's; None where there is none, since a reader makes none."""
        if self._file is None or not self._file.exists():
            self.close()
            files = self._files()
            self._file = files[-1] if files else None
        if self._engine is None and self._file is not None:
            self._engine = open_engine(self._file, schema="live")
        return self._engine

    def _files(self) -> list[Path]:
        """By their number, which a file that is thrown away never shares with its successor: a process that
        still has it open closes what is its own.
        """
        return sorted(self._folder.glob("live-[0-9]*.db"), key=lambda path: int(path.stem[5:]))

    def _clear(self) -> None:
        """Empties the file, or starts another where it cannot be read."""
        try:
            engine = self._found()
            if engine is not None:
                with begin_immediate(engine) as connection:
                    schema.METADATA.drop_all(connection)
                    schema.METADATA.create_all(connection)
                return
        except DatabaseError:
            self.close()
        old = self._files()
        number = int(old[-1].stem[5:]) + 1 if old else 1
        self._file = self._folder / f"live-{number}.db"
        self._engine = open_engine(self._file, schema="live")
        with begin_immediate(self._engine) as connection:
            schema.METADATA.create_all(connection)
        for path in old:
            for suffix in ("", "-wal", "-shm"):
                remove(path.with_name(path.name + suffix))

    def _mark(self, connection: Connection) -> LiveMark | None:
        """None where it follows another log, or one that has been restored to before."""
        row = connection.execute(_META).one_or_none()
        if row is None or row.format != schema.FORMAT or row.home_id != self._home_id:
            return None
        watermark = Watermark(row.watermark)
        if self._trusted is None or watermark < self._trusted:
            if watermark and self._log.batch_digest(watermark) != row.digest:
                return None
            self._trusted = watermark
        return LiveMark(watermark, None if row.received_at is None else Instant(row.received_at))

    def _place(self, mark: LiveMark) -> dict[str, object]:
        return {
            "watermark": mark.watermark,
            "received_at": mark.received_at,
            "digest": self._log.batch_digest(mark.watermark),
        }


@contextmanager
def _told_if_damaged() -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        if isinstance(storage_failure(error), DamagedStore):
            raise DamagedLiveUsage from error
        raise
