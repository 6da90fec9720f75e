"""The migration of the books is killed before and after each of its statements: the books are at the old
schema or the new, with all that was in them, and the next command migrates what is left to do.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, MetaData, Table, event, inspect, select, text

from tests.faults.harness import tally
from tests.faults.harness.effort import some
from tests.faults.log_writer import processes
from tieout.kernel.ids import InvoiceId
from tieout.store import migrate
from tieout.store.books.folio_check import SqlFolios
from tieout.store.books.ledger import SqlLedger
from tieout.store.books.schema import FOLIO
from tieout.store.migrate import prepare_schema, revisions, schema_version
from tieout.store.sqlite import open_engine

OLD, NEW = "books_0003", revisions("books")[-1]
CUSTOMERS = 5
RUN = "INSERT INTO close_run (id, as_of, cutoff, cutoff_at) VALUES (1, 1, 1, 1)"
INVOICE = (
    "INSERT INTO invoice (id, number, customer, period_start, period_end, series, currency, kind, sequence, "
    "total_minor, cutoff, policy_digest, document, sha256, sealed_at, close_run) VALUES "
    "('in_{0}', 'INV-{0:06}', 'acme', {0}, {0} + 1, 'INV', 'USD', 'final', 1, 100, 1, 'd', 'old', 's', 2, 1)"
)

pytestmark = pytest.mark.usefixtures("real_migrations")
META = "INSERT INTO meta (name, value) VALUES ('home_id', 'home_old')"
NUMBER = "INSERT INTO number_series (series, last_number) VALUES ('INV', 5)"
QUICK = 8

Rows = dict[str, list[tuple[object, ...]]]


@pytest.fixture(params=["sqlite", "postgresql"])
def place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[str | Path]:
    """Where books of an older version lie, with invoices in them."""
    at: str | Path = tmp_path / "books.db"
    if request.param == "postgresql":
        at = request.getfixturevalue("postgres_url")
    engine = open_engine(at, schema="books")
    upgrade = command.upgrade

    def to_the_old(config: Config, _head: str) -> None:
        upgrade(config, OLD)

    with monkeypatch.context() as patched:
        patched.setattr(command, "upgrade", to_the_old)
        patched.setattr(migrate, "revisions", lambda _: (OLD,))
        prepare_schema(engine, schema="books", place="here")
    with engine.begin() as connection:
        for statement in (META, RUN, NUMBER, *(INVOICE.format(n) for n in range(1, CUSTOMERS + 1))):
            connection.execute(text(statement))
    engine.dispose()
    yield at


def migrate_and_die(at: str | Path, statement: int | None, counted: Path) -> None:
    """Migrates; killed before the statement of this number, or, one beyond the last, before the COMMIT; the
    number of statements is written down otherwise."""
    engine = open_engine(at, schema="books")
    passed = 0

    @event.listens_for(engine, "before_cursor_execute")
    def count(*_: object) -> None:
        nonlocal passed
        passed += 1
        if passed == statement:
            os.kill(os.getpid(), signal.SIGKILL)

    @event.listens_for(engine, "commit")
    def commit(_: object) -> None:
        if statement is not None and statement < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    prepare_schema(engine, schema="books", place="here")
    counted.write_text(str(passed))


def run(at: str | Path, statement: int | None, counted: Path) -> int | None:
    process = processes().Process(target=migrate_and_die, args=(at, statement, counted))
    process.start()
    process.join(120)
    return process.exitcode


def rows(engine: Engine) -> Rows:
    """As they were before rows had folios, which migration 0013 adds to each."""
    found: Rows = {}
    with engine.connect() as connection:
        for name in inspect(connection).get_table_names():
            table = Table(name, MetaData(), autoload_with=connection)
            columns = [column for column in table.c if column.name != FOLIO]
            found[name] = sorted((tuple(row) for row in connection.execute(select(*columns))), key=repr)
    return found


def statements(at: str | Path, folder: Path) -> int:
    """How many a migration of such books passes, found on a copy."""
    counted = folder / "counted"
    if isinstance(at, Path):
        copy = folder / "copy.db"
        copy.write_bytes(at.read_bytes())
        assert run(copy, None, counted) == 0
        return int(counted.read_text())
    engine = open_engine(at, schema="books")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        name = connection.execute(text("SELECT current_database()")).scalar_one()
        connection.detach()
    engine.dispose()
    template = open_engine(at.replace(name, "postgres"), schema="books")
    with template.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{name}_copy" TEMPLATE "{name}"')
    template.dispose()
    assert run(at.replace(name, f"{name}_copy"), None, counted) == 0
    return int(counted.read_text())


def test_a_migration_killed_at_any_statement_is_whole_or_not_there_and_is_done_by_the_next(
    place: str | Path, tmp_path: Path
) -> None:
    last = statements(place, tmp_path)
    assert last > 30, "the migration makes tables"
    engine = open_engine(place, schema="books")
    before = rows(engine)
    engine.dispose()
    for statement in [*some(range(1, last + 1), QUICK), -1]:
        assert run(place, statement, tmp_path / "counted") == -signal.SIGKILL, statement
        engine = open_engine(place, schema="books")
        assert schema_version(engine) == OLD
        assert rows(engine) == before, f"killed at statement {statement}"
        engine.dispose()
        tally.injected()
    assert run(place, None, tmp_path / "counted") == 0
    engine = open_engine(place, schema="books")
    assert schema_version(engine) == NEW
    after = rows(engine)
    kept = {name: found for name, found in after.items() if name in before and name != "schema_version"}
    assert kept == {name: found for name, found in before.items() if name != "schema_version"}
    ids = {InvoiceId(f"in_{number}") for number in range(1, CUSTOMERS + 1)}
    assert SqlLedger(engine).before_ledger() == ids
    assert list(SqlFolios(engine).findings()) == []
    engine.dispose()
