"""Results of replays: added one at a time, so that their numbers have no gap; never changed."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Engine, RowMapping, func, select

from tieout.kernel.instant import Instant
from tieout.ports.replay_results import KeptResult
from tieout.store.books.schema_replay import replay_result
from tieout.store.books.writing import insert_rows, writing
from tieout.store.sqlite import is_sqlite

RESULTS_LOCK = 0x7265706C
"""The key of the advisory lock."""


@dataclass(frozen=True, slots=True)
class SqlReplayResults:
    """The port `ReplayResultStore`."""

    engine: Engine

    def all(self) -> tuple[KeptResult, ...]:
        query = select(replay_result).order_by(replay_result.c.number)
        with self.engine.connect() as connection:
            return tuple(_kept(row) for row in connection.execute(query).mappings())

    def add(self, document: str, digest: str, *, recorded_at: Instant) -> KeptResult:
        same = select(replay_result).where(replay_result.c.digest == digest)
        with writing(self.engine) as connection:
            _one_at_a_time(connection)
            found = connection.execute(same).mappings().one_or_none()
            if found is not None:
                return _kept(found)
            last = connection.execute(select(func.coalesce(func.max(replay_result.c.number), 0))).scalar_one()
            kept = KeptResult(last + 1, digest, document, recorded_at)
            row = {
                "number": kept.number,
                "digest": kept.digest,
                "document": kept.document,
                "recorded_at": kept.recorded_at,
            }
            insert_rows(connection, replay_result, [row])
        return kept


def _one_at_a_time(connection: Connection) -> None:
    if not is_sqlite(connection):
        connection.execute(select(func.pg_advisory_xact_lock(RESULTS_LOCK)))


def _kept(row: RowMapping) -> KeptResult:
    return KeptResult(row["number"], row["digest"], row["document"], Instant(row["recorded_at"]))
