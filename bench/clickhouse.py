"""ClickHouse's engine (chdb) inserting the same file into a MergeTree table, without exact deduplication."""

from __future__ import annotations

import time

from chdb.session import Session

from bench.contender import Outcome, Task, perform

COLUMNS = (
    "source LowCardinality(String), id String, type LowCardinality(String), subject String, "
    "time DateTime64(6, 'UTC'), data Tuple(model String, input_tokens UInt64, output_tokens UInt64)"
)
TABLE = (
    "CREATE TABLE bench.events (source LowCardinality(String), id String, type LowCardinality(String), "
    "subject String, time DateTime64(6, 'UTC'), model LowCardinality(String), input_tokens UInt64, "
    "output_tokens UInt64) ENGINE = MergeTree ORDER BY (type, subject, time)"
)


def load(task: Task) -> Outcome:
    """Insert the file into an empty table."""
    engine = Session(str(task.folder / "clickhouse"))
    engine.query("CREATE DATABASE bench")
    engine.query(TABLE)
    settings = {
        "date_time_input_format": "'best_effort'",
        "input_format_skip_unknown_fields": "1",
        "max_threads": str(task.workers),
        "max_insert_threads": str(task.workers),
    }
    read_as = COLUMNS.replace("'", "\\'")
    insert = (
        "INSERT INTO bench.events SELECT source, id, type, subject, time, data.model, data.input_tokens, "
        f"data.output_tokens FROM file('{task.file}', 'JSONEachRow', '{read_as}') "
        f"SETTINGS {', '.join(f'{name} = {value}' for name, value in settings.items())}"
    )
    begin = time.perf_counter()
    engine.query(insert)
    seconds = time.perf_counter() - begin
    stored = int(str(engine.query("SELECT count() FROM bench.events", "TSV")))
    parts = "SELECT sum(bytes_on_disk), count() FROM system.parts WHERE database = 'bench' AND active"
    stored_bytes, commits = map(int, str(engine.query(parts, "TSV")).split())
    settings["version"] = str(engine.query("SELECT version()", "TSV")).strip()
    fsync = "SELECT value FROM system.merge_tree_settings WHERE name = 'fsync_after_insert'"
    settings["fsync_after_insert"] = str(engine.query(fsync, "TSV")).strip()
    engine.close()
    return Outcome(seconds, stored, commits, stored_bytes, settings)


if __name__ == "__main__":
    perform(load)
