"""A home from before the ledger: its invoices have no entries, and are on the list that says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from tieout.kernel.ids import InvoiceId
from tieout.store import migrate
from tieout.store.books.ledger import SqlLedger
from tieout.store.migrate import prepare_schema, schema_version
from tieout.store.sqlite import open_engine

INVOICE = (
    "INSERT INTO invoice (id, number, customer, period_start, period_end, series, currency, kind, sequence, "
    "total_minor, cutoff, policy_digest, document, sha256, sealed_at, close_run) VALUES "
    "('in_old', 'INV-000001', 'acme', 0, 1, 'INV', 'USD', 'final', 1, 100, 1, 'd', '', 's', 2, 1)"
)

pytestmark = pytest.mark.usefixtures("real_migrations")
RUN = "INSERT INTO close_run (id, as_of, cutoff, cutoff_at) VALUES (1, 1, 1, 1)"


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_invoices_from_before_the_ledger_are_listed(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgres_url") if database == "postgresql" else None
    engine = open_engine(url or tmp_path / "books.db", schema="books")
    upgrade = command.upgrade

    def to_the_revision_before(config: Config, _head: str) -> None:
        upgrade(config, "books_0003")

    with monkeypatch.context() as patched:
        patched.setattr(command, "upgrade", to_the_revision_before)
        patched.setattr(migrate, "revisions", lambda _: ("books_0003",))
        prepare_schema(engine, schema="books", place="here")
    assert schema_version(engine) == "books_0003"
    with engine.begin() as connection:
        connection.execute(text(RUN))
        connection.execute(text(INVOICE))
    prepare_schema(engine, schema="books", place="here")
    ledger = SqlLedger(engine)
    assert ledger.before_ledger() == {InvoiceId("in_old")}
    assert list(ledger.entries()) == []
    engine.dispose()
