"""Facts about the two databases that `doctor` reports."""

from __future__ import annotations

from sqlalchemy import Engine

from tieout.ports import HealthFact
from tieout.store.migrate import revisions, schema_version
from tieout.store.sqlite import SchemaName, is_sqlite, is_trustworthy

PRAGMAS = {"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "auto_vacuum": "2"}
"""What a connection must answer: WAL, FULL, on, INCREMENTAL."""


def store_facts(books: Engine, log: Engine) -> tuple[HealthFact, ...]:
    """The database version, its settings, and the schema of books and log."""
    facts = [_version(books)]
    for engine, schema in _databases(books, log):
        if is_sqlite(engine):
            facts.append(_settings(engine, schema))
        found, ours = schema_version(engine), revisions(schema)[-1]
        facts.append(HealthFact(f"{schema} schema", found == ours, f"{found}, this version writes {ours}"))
    return tuple(facts)


def _databases(books: Engine, log: Engine) -> tuple[tuple[Engine, SchemaName], ...]:
    return ((books, "books"), (log, "log"))


def _version(engine: Engine) -> HealthFact:
    with engine.connect() as connection:
        if is_sqlite(engine):
            version = str(connection.exec_driver_sql("SELECT sqlite_version()").scalar_one())
            return HealthFact(
                "SQLite", is_trustworthy(version), f"{version} (3.51.3 or later has no WAL-reset bug)"
            )
        version = str(connection.exec_driver_sql("SHOW server_version").scalar_one())
        return HealthFact("PostgreSQL", True, version)


def _settings(engine: Engine, schema: str) -> HealthFact:
    with engine.connect() as connection:
        found = {name: str(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()) for name in PRAGMAS}
    return HealthFact(
        f"{schema} settings", found == PRAGMAS, ", ".join(f"{name}={found[name]}" for name in PRAGMAS)
    )
