"""The port `Pipeline`: rates, lags, refusals, alerts, cursors and control totals, in the log's database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, Engine, Select, Table, delete, func, insert, select, update

from tieout.ingest.control_total import ControlTotal
from tieout.ingest.lag import acted_on_by, bucket_of
from tieout.ingest.reason import Reason
from tieout.ingest.shift import Shift
from tieout.ingest.verdict import Verdict
from tieout.kernel.ids import Watermark
from tieout.kernel.instant import Instant
from tieout.ports import (
    ArrivalOrder,
    LagCount,
    LogSizes,
    PipelineAlert,
    RefusedRequests,
    StoredControlTotal,
    Tally,
)
from tieout.store.log import control_totals, schema
from tieout.store.log.alerts import alert_of, insert_missing
from tieout.store.log.lags import LagKey, add_lags
from tieout.store.log.reader import compacted_upto
from tieout.store.log.turn import turn_among_commits
from tieout.store.log.wal import wal_bytes
from tieout.store.sqlite import is_sqlite

RAW_AT_ONCE = 500


class SqlPipeline:
    """Reads what commits have kept; its few writes take the lock that commits take, and are short."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._folder = folder

    # ------------------------------------------------------------------------------------ sizes, rates, lags
    def sizes(self) -> LogSizes:
        with self._engine.connect() as connection:
            head = connection.execute(select(schema.head.c.batch)).scalar_one()
            compacted = compacted_upto(connection)
        wal = wal_bytes(self._engine) if is_sqlite(self._engine) else None
        return LogSizes(Watermark(head), Watermark(compacted), wal)

    def sources(self) -> tuple[str, ...]:
        query = select(schema.rates.c.source).distinct().order_by(schema.rates.c.source)
        with self._engine.connect() as connection:
            return tuple(connection.execute(query).scalars())

    def newest_hour(self, source: str | None) -> Instant | None:
        query = _chosen(select(func.max(schema.rates.c.hour)), schema.rates, source, None)
        with self._engine.connect() as connection:
            found = connection.execute(query).scalar()
        return None if found is None else Instant(found)

    def rates(self, *, source: str | None, since: Instant | None) -> tuple[Tally, ...]:
        kept = schema.rates
        columns = (kept.c.source, kept.c.hour, kept.c.verdict, kept.c.reason)
        query = _chosen(select(*columns, kept.c["items"]).order_by(*columns), kept, source, since)
        with self._engine.connect() as connection:
            return tuple(_tally(row) for row in connection.execute(query))

    def totals(self) -> tuple[Tally, ...]:
        kept = schema.rates.c
        query = (
            select(kept.source, func.min(kept.hour), kept.verdict, kept.reason, func.sum(kept["items"]))
            .group_by(kept.source, kept.verdict, kept.reason)
            .order_by(kept.source, kept.verdict, kept.reason)
        )
        with self._engine.connect() as connection:
            return tuple(_tally(row) for row in connection.execute(query))

    def lags(self, *, source: str | None, since: Instant | None) -> tuple[LagCount, ...]:
        kept = schema.lags
        keys = (kept.c.source, kept.c.hour, kept.c.lag, kept.c.bucket)
        query = _chosen(select(*keys, kept.c["items"]).order_by(*keys), kept, source, since)
        with self._engine.connect() as connection:
            return tuple(
                LagCount(name, Instant(hour), lag, bucket, items)
                for name, hour, lag, bucket, items in connection.execute(query)
            )

    def refused_requests(self, *, since: Instant | None) -> tuple[RefusedRequests, ...]:
        kept = schema.refused_requests
        keys = (kept.c.hour, kept.c.key_id, kept.c.reason)
        query = _chosen(select(*keys, kept.c.requests).order_by(*keys), kept, None, since)
        with self._engine.connect() as connection:
            return tuple(RefusedRequests(Instant(row[0]), *row[1:]) for row in connection.execute(query))

    def arrivals(self, *, source: str | None, since: Instant | None) -> tuple[ArrivalOrder, ...]:
        kept = schema.arrivals
        columns = (kept.c.source, kept.c.hour, kept.c.accepted, kept.c.out_of_order)
        query = _chosen(select(*columns).order_by(kept.c.source, kept.c.hour), kept, source, since)
        with self._engine.connect() as connection:
            return tuple(
                ArrivalOrder(name, Instant(hour), accepted, out_of_order)
                for name, hour, accepted, out_of_order in connection.execute(query)
            )

    # ------------------------------------------------------------------------------------ alerts
    def alerts(self, *, only_open: bool, source: str | None) -> tuple[PipelineAlert, ...]:
        kept = schema.pipeline_alerts
        query = _chosen(select(kept).order_by(kept.c.hour, kept.c.source, kept.c.kind), kept, source, None)
        if only_open:
            query = query.where(kept.c.closed_at.is_(None))
        with self._engine.connect() as connection:
            return tuple(alert_of(row) for row in connection.execute(query))

    def open_alerts(self) -> tuple[PipelineAlert, ...]:
        return self.alerts(only_open=True, source=None)

    def alert(self, id: str) -> PipelineAlert | None:
        kept = schema.pipeline_alerts
        with self._engine.connect() as connection:
            row = connection.execute(select(kept).where(kept.c.id == id)).one_or_none()
        return None if row is None else alert_of(row)

    def close_alert(self, id: str, *, by: str, reason: str, at: Instant) -> bool:
        kept = schema.pipeline_alerts
        closed = (
            update(kept)
            .where(kept.c.id == id, kept.c.closed_at.is_(None))
            .values(closed_at=at, closed_by=by, close_reason=reason)
        )
        with turn_among_commits(self._engine, self._folder) as connection:
            return connection.execute(closed).rowcount == 1

    # ------------------------------------------------------------------------------------ consumers
    def cursor(self, consumer: str) -> Watermark:
        with self._engine.connect() as connection:
            return _cursor(connection, consumer)

    def touched(self, *, after: Watermark, upto: Watermark) -> tuple[tuple[str, Instant], ...]:
        told = schema.tallies.c
        query = (
            select(told.source, told.hour)
            .distinct()
            .where(told.batch > after, told.batch <= upto)
            .order_by(told.source, told.hour)
        )
        with self._engine.connect() as connection:
            return tuple((source, Instant(hour)) for source, hour in connection.execute(query))

    def acted(
        self, consumer: str, *, after: Watermark, upto: Watermark, at: Instant, found: Sequence[Shift]
    ) -> tuple[Shift, ...] | None:
        with turn_among_commits(self._engine, self._folder) as connection:
            if _cursor(connection, consumer) != after:
                return None
            opened = insert_missing(connection, found, at)
            add_lags(connection, _acted_lags(connection, consumer, after=after, upto=upto, at=at))
            _move_cursor(connection, consumer, upto, at)
        return opened

    # ------------------------------------------------------------------------------------ what a source says
    def state_total(self, stated: ControlTotal, *, at: Instant, by: str) -> StoredControlTotal:
        with turn_among_commits(self._engine, self._folder) as connection:
            return control_totals.state_total(connection, stated, at=at, by=by)

    def control_totals(self, *, source: str | None) -> tuple[StoredControlTotal, ...]:
        with self._engine.connect() as connection:
            return control_totals.list_totals(connection, source)

    def not_accepted(self, source: str) -> Iterator[bytes]:
        kept = schema.quarantine.c
        place = (0, -1)
        while True:
            later = (kept.batch > place[0]) | ((kept.batch == place[0]) & (kept.row > place[1]))
            query = select(kept.batch, kept.row, kept.raw).where(kept.source == source, later)
            with self._engine.connect() as connection:  # a read lasts no longer than one page
                rows = connection.execute(query.order_by(kept.batch, kept.row).limit(RAW_AT_ONCE)).all()
            for row in rows:
                yield row.raw
            if len(rows) < RAW_AT_ONCE:
                return
            place = (rows[-1].batch, rows[-1].row)


def _chosen(query: Select, table: Table, source: str | None, since: Instant | None) -> Select:  # type: ignore[type-arg] # the type of a Select says nothing here
    conditions: list[ColumnElement[bool]] = []
    if source is not None:
        conditions.append(table.c.source == source)
    if since is not None:
        conditions.append(table.c.hour >= since)
    return query.where(*conditions)


def _tally(row) -> Tally:  # type: ignore[no-untyped-def] # a SQLAlchemy row
    source, hour, verdict, reason, items = row
    return Tally(source, Instant(hour), Verdict(verdict), Reason(reason), int(items))


def _cursor(connection: Connection, consumer: str) -> Watermark:
    cursors = schema.cursors.c
    found = connection.execute(select(cursors.batch).where(cursors.consumer == consumer)).scalar()
    return Watermark(found or 0)


def _move_cursor(connection: Connection, consumer: str, upto: Watermark, at: Instant) -> None:
    cursors = schema.cursors
    values = {"batch": upto, "acted_at": at}
    moved = connection.execute(update(cursors).where(cursors.c.consumer == consumer).values(values))
    if not moved.rowcount:
        connection.execute(insert(cursors).values(consumer=consumer, **values))
    everyone = select(func.min(cursors.c.batch)).scalar_subquery()
    connection.execute(delete(schema.commit_times).where(schema.commit_times.c.batch <= everyone))


def _acted_lags(
    connection: Connection, consumer: str, *, after: Watermark, upto: Watermark, at: Instant
) -> Counter[LagKey]:
    """How long each accepted event waited, from the moment its batch was seen committed."""
    told, times = schema.tallies.c, schema.commit_times.c
    query = (
        select(told.hour, told.source, times.committed_at, told["items"])
        .select_from(schema.tallies.join(schema.commit_times, told.batch == times.batch))
        .where(told.batch > after, told.batch <= upto, told.verdict == int(Verdict.ACCEPTED))
    )
    lags: Counter[LagKey] = Counter()
    for hour, source, committed_at, items in connection.execute(query):
        lags[hour, source, acted_on_by(consumer), bucket_of(at - committed_at)] += items
    return lags
