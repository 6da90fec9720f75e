"""Opens the databases of a home: SQLite files that can be trusted, or PostgreSQL by URL.

SQLite 3.7.0 to 3.51.2 has the WAL-reset bug (sqlite.org/wal.html, "The WAL-Reset Bug"): with more than one
writer or checkpointer it can lose committed pages. A home is therefore opened only by 3.51.3 or later.
`synchronous=FULL`, because NORMAL loses acknowledged commits at a power loss.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from types import ModuleType
from typing import Literal, Protocol

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from tieout.kernel.errors import Refusal
from tieout.store.suspect import mark_at_disk_failures, settle

SQLITE_VERSION_MIN = (3, 51, 3)
BUSY_TIMEOUT_SECONDS = 60
PAGE_BYTES = {"books": 4_096, "log": 8_192, "live": 8_192}
"""Of a new file. A batch of megabytes costs the log half the calls of SQLite's usual 4,096, a batch of one
event little more. A seal touches many pages of the books' indexes, one row in each: there a smaller page is
less to write.
"""
CACHE_KIBIBYTES = 16_384
"""A batch fits: one that does not is written twice, and identity keys read back come from here."""
MEBIBYTE = 1024**2
WAL_AUTOCHECKPOINT_BYTES = {"books": 128 * MEBIBYTE, "log": 256 * MEBIBYTE, "live": 64 * MEBIBYTE}
"""After how much a writer checkpoints by itself. The log's keeper and its writers do so before, off the
commit path (`log/wal.py`). The books' do so themselves: a close writes the same pages of its indexes again
and again, and a checkpoint writes each of them once.
"""
WAL_BYTES_KEPT = {"books": 128 * MEBIBYTE, "log": 64 * MEBIBYTE, "live": 64 * MEBIBYTE}
"""A write-ahead log that began anew keeps at most so much of its file: of the log's, so that its length says
something; of the books', what the next checkpoint's worth is written over without making the file longer.
"""
VACUUM_PAGES = 1_024
CHECKPOINT_SECONDS_MAX = 10
"""How long an erasure waits for readers to let go of the write-ahead log."""
POSTGRES_SCHEMAS = {"books": "tieout_books", "log": "tieout_log"}

SchemaName = Literal["books", "log", "live"]
"""`live` is derived, in a file of this machine whatever holds the other two."""
SYNCHRONOUS: dict[SchemaName, str] = {"books": "FULL", "log": "FULL", "live": "NORMAL"}
"""What is derived may lose its last commits at a power loss: it follows the log again from where it is."""


class UntrustworthySqlite(Refusal):
    """Only SQLite libraries with the WAL-reset bug are installed."""

    code = "untrustworthy-sqlite"

    def __init__(self, versions: tuple[str, ...]) -> None:
        found = ", ".join(versions) if versions else "none"
        needed = ".".join(str(part) for part in SQLITE_VERSION_MIN)
        super().__init__(
            f"SQLite {needed} or later is needed (earlier ones can lose committed data, the WAL-reset bug); "
            f"found {found}. Install the package pysqlite3, which carries a current one."
        )


class MalformedDatabaseUrl(Refusal):
    """A database was named by something that is neither a path nor a URL of PostgreSQL. The text may hold a
    password, so it is not repeated.
    """

    code = "malformed-database-url"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"The URL of the database {what}; write postgresql://user:password@host:port/database, or leave "
            "it out for SQLite."
        )


class _Cursor(Protocol):
    def execute(self, statement: str, /) -> object: ...
    def fetchone(self) -> tuple[object, ...] | None: ...
    def close(self) -> None: ...


class _DbapiConnection(Protocol):
    isolation_level: str | None

    def cursor(self) -> _Cursor: ...


def sqlite_module() -> ModuleType:
    """The first trustworthy DBAPI module: `pysqlite3`, or the standard library's where that is new enough.

    Raises `UntrustworthySqlite` with the versions that were found.
    """
    found: list[str] = []
    for name in ("pysqlite3", "sqlite3"):
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        version: str = module.sqlite_version
        if is_trustworthy(version):
            return module
        found.append(f"{version} ({name})")
    raise UntrustworthySqlite(tuple(found))


def is_trustworthy(version: str) -> bool:
    return tuple(int(part) for part in version.split(".")) >= SQLITE_VERSION_MIN


def open_engine(path_or_url: str | Path, *, schema: SchemaName, module: object | None = None) -> Engine:
    """An engine on a SQLite file (a path) or on PostgreSQL (a URL; `schema` names the search path there).

    Connections begin with `BEGIN`, so that reads see one snapshot; writers use `begin_immediate`. `module`:
    another DBAPI module for SQLite than `sqlite_module()`, in tests that take the disk away. Raises
    `MalformedDatabaseUrl`.
    """
    text = str(path_or_url)
    if isinstance(path_or_url, str) and text.startswith(("postgresql:", "postgresql+psycopg:", "postgres:")):
        return _open_postgres(text, schema)
    if isinstance(path_or_url, str):
        raise MalformedDatabaseUrl("is not one of PostgreSQL")
    return _open_sqlite(Path(text), schema, module or sqlite_module())


def is_sqlite(engine_or_connection: Engine | Connection) -> bool:
    return engine_or_connection.dialect.name == "sqlite"


@contextmanager
def begin_immediate(engine: Engine) -> Iterator[Connection]:
    """A write transaction that holds the write lock from its first statement (SQLite); commits at the end.

    On PostgreSQL it is a READ COMMITTED transaction: lock the deciding row with `SELECT ... FOR UPDATE`.
    After an I/O error the log is settled first. Raises `DiskFailed`.
    """
    if is_sqlite(engine):
        settle(engine)
    with engine.connect() as connection:
        writing = connection.execution_options(tieout_begin="BEGIN IMMEDIATE")
        with writing.begin():
            yield writing


def pages_free(engine: Engine) -> int:
    """Pages that deletes have freed and no write has taken again; 0 on PostgreSQL, which sees to its own."""
    if not is_sqlite(engine):
        return 0
    with engine.connect() as connection:
        return int(connection.exec_driver_sql("PRAGMA freelist_count").scalar_one())


def give_room_back(engine: Engine) -> None:
    """Returns what deletes have freed to the file system, a little at a time. PostgreSQL needs no asking."""
    if not is_sqlite(engine):
        return
    with begin_immediate(engine) as connection:
        cursor = connection.connection.cursor()
        cursor.execute(f"PRAGMA incremental_vacuum({VACUUM_PAGES})")
        cursor.fetchall()  # it frees a page a step, so it is done only when all steps are taken
        cursor.close()


def scrub(engine: Engine, tables: Sequence[str]) -> bool:
    """Leaves no bytes of replaced or deleted rows in the database's files. False where a reader, a writer or
    a full disk kept that from being done.

    SQLite keeps remnants in free pages and between the rows of pages that were split, so the file is written
    anew and its write-ahead log emptied; writers wait meanwhile, seconds for each gigabyte. On PostgreSQL the
    tables are written anew; its own write-ahead log goes as its settings say.
    """
    if not is_sqlite(engine):
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for table in tables:
                connection.exec_driver_sql(f'VACUUM FULL "{table}"')
        return True
    try:
        _run(engine, "VACUUM")
        until = monotonic() + CHECKPOINT_SECONDS_MAX
        while _run(engine, "PRAGMA wal_checkpoint(TRUNCATE)")[0]:
            if monotonic() > until:
                return False
            sleep(0.05)
    except sqlite_module().OperationalError:
        return False
    return True


def _run(engine: Engine, statement: str) -> tuple[int, ...]:
    """Runs a statement outside of any transaction; its first row, if it gives one."""
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute(statement)
        row: tuple[int, ...] | None = cursor.fetchone()
        cursor.close()
        return row or ()
    finally:
        connection.close()


def _open_sqlite(path: Path, schema: SchemaName, module: object) -> Engine:
    engine = create_engine(
        f"sqlite+pysqlite:///{path.absolute()}",
        module=module,
        connect_args={"timeout": BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
    )
    event.listen(engine, "connect", lambda connection, _: _configure_sqlite(connection, schema))
    event.listen(engine, "begin", _begin_sqlite)
    mark_at_disk_failures(engine)
    return engine


def _configure_sqlite(connection: _DbapiConnection, schema: SchemaName) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own
    cursor = connection.cursor()
    cursor.execute("PRAGMA page_count")
    pages = cursor.fetchone()
    if pages is not None and pages[0] == 0:  # only an empty file can still choose these two
        cursor.execute(f"PRAGMA page_size={PAGE_BYTES[schema]}")
        cursor.execute("PRAGMA auto_vacuum=INCREMENTAL")
    cursor.execute("PRAGMA journal_mode=WAL")
    mode = cursor.fetchone()
    assert mode == ("wal",), f"SQLite refused WAL: {mode}"
    cursor.execute(f"PRAGMA synchronous={SYNCHRONOUS[schema]}")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA cache_size=-{CACHE_KIBIBYTES}")
    cursor.execute("PRAGMA page_size")
    (page_bytes,) = cursor.fetchone() or (PAGE_BYTES[schema],)
    cursor.execute(f"PRAGMA wal_autocheckpoint={WAL_AUTOCHECKPOINT_BYTES[schema] // int(str(page_bytes))}")
    cursor.execute(f"PRAGMA journal_size_limit={WAL_BYTES_KEPT[schema]}")
    cursor.fetchone()
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    statement = connection.get_execution_options().get("tieout_begin", "BEGIN")
    if statement is not None:
        connection.exec_driver_sql(statement)


def _open_postgres(text: str, schema: SchemaName) -> Engine:
    try:
        url = make_url(text).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError) as error:
        raise MalformedDatabaseUrl("cannot be read") from error
    name = POSTGRES_SCHEMAS[schema]
    engine = create_engine(
        url, isolation_level="READ COMMITTED", connect_args={"options": f"-c search_path={name}"}
    )
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {name}")
    return engine
