"""How many requests were refused before an item of theirs was received, by hour, API key and reason."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.dialects import postgresql, sqlite

from tieout.kernel.instant import Instant
from tieout.store.log.schema import refused_requests
from tieout.store.log.turn import turn
from tieout.store.sqlite import is_sqlite


def add_refused(engine: Engine, folder: Path, refused: Mapping[tuple[Instant, str, str], int]) -> None:
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
    with turn(engine, folder) as connection:
        connection.execute(statement, rows)
