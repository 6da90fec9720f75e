"""How many requests were refused before an item of theirs was received, by hour, API key and reason."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import Engine, select
from sqlalchemy.dialects import postgresql, sqlite

from tieout.kernel.instant import Instant
from tieout.store.files import locked
from tieout.store.log.schema import refused_requests
from tieout.store.sqlite import begin_immediate, is_sqlite


def add_refused(engine: Engine, lock: Path, refused: Mapping[tuple[Instant, str, str], int]) -> None:
    """Adds to the stored counts, waiting for its turn as every writer of the log does."""
    if not refused:
        return
    columns = refused_requests.c
    insert = sqlite.insert(refused_requests) if is_sqlite(engine) else postgresql.insert(refused_requests)
    statement = insert.on_conflict_do_update(
        index_elements=[columns.hour, columns.key_id, columns.reason],
        set_={"requests": columns.requests + insert.excluded.requests},
    )
    rows = [
        {"hour": hour, "key_id": key_id, "reason": reason, "requests": requests}
        for (hour, key_id, reason), requests in sorted(refused.items())
    ]
    with ExitStack() as held:
        if is_sqlite(engine):
            held.enter_context(locked(lock))
        connection = held.enter_context(begin_immediate(engine))
        connection.execute(statement, rows)


def list_refused(engine: Engine) -> tuple[tuple[Instant, str, str, int], ...]:
    """(hour, key id, reason, requests), in that order."""
    columns = refused_requests.c
    query = select(columns.hour, columns.key_id, columns.reason, columns.requests).order_by(
        columns.hour, columns.key_id, columns.reason
    )
    with engine.connect() as connection:
        return tuple(
            (Instant(hour), key_id, reason, requests)
            for hour, key_id, reason, requests in connection.execute(query)
        )
