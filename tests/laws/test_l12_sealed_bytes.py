"""L12: a sealed invoice's bytes never change; the database itself refuses the UPDATE, the DELETE and the
REPLACE.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.small_home import FEBRUARY_3, ingest, january, make_home
from tieout.flows.close_periods import close
from tieout.flows.invoices import show_invoice
from tieout.flows.keep_head import make_key
from tieout.store.sqlite import begin_immediate, open_engine

SEALED = (
    *("invoice", "invoice_line", "charge", "snapshot", "document", "signature", "meta"),
    *("log_head", "log_head_signature"),
)


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sealed") / "home"
    home, _ = make_home(folder, now=FEBRUARY_3)
    with home:
        ingest(home, january(4))
        close(home, as_of=FEBRUARY_3)
        make_key(home)
    return folder / "books.db"


@pytest.mark.parametrize("table", SEALED)
def test_an_update_of_a_final_row_is_refused(books: Path, table: str) -> None:
    engine = open_engine(books, schema="books")
    with engine.connect() as connection:
        columns = [row[1] for row in connection.exec_driver_sql(f"PRAGMA table_info({table})")]
    for column in columns:
        with pytest.raises(DBAPIError, match="is final"), begin_immediate(engine) as connection:
            connection.execute(text(f'UPDATE {table} SET "{column}" = "{column}"'))


@pytest.mark.parametrize("table", SEALED)
def test_a_delete_of_a_final_row_is_refused(books: Path, table: str) -> None:
    engine = open_engine(books, schema="books")
    with pytest.raises(DBAPIError, match="is final"), begin_immediate(engine) as connection:
        connection.execute(text(f"DELETE FROM {table}"))


@pytest.mark.parametrize("table", SEALED)
def test_a_replace_of_a_final_row_is_refused(books: Path, table: str) -> None:
    engine = open_engine(books, schema="books")
    with pytest.raises(DBAPIError, match="is final"), begin_immediate(engine) as connection:
        connection.execute(text(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table} LIMIT 1"))


def test_a_key_is_revoked_once_and_otherwise_never_changed(books: Path) -> None:
    engine = open_engine(books, schema="books")
    for statement in ("UPDATE signing_key SET person = 'Eve'", "DELETE FROM signing_key"):
        with pytest.raises(DBAPIError), begin_immediate(engine) as connection:
            connection.execute(text(statement))


def test_a_later_close_and_late_events_leave_the_sealed_bytes_alone(tmp_path: Path) -> None:
    home, _ = make_home(tmp_path / "home", now=FEBRUARY_3)
    with home:
        ingest(home, january(4))
        (first, *_) = close(home, as_of=FEBRUARY_3).invoices
        before = show_invoice(home, first.id)
        ingest(home, january(9), "late.ndjson")
        assert close(home, as_of=FEBRUARY_3).invoices == ()
        after = show_invoice(home, first.id)
    assert after == before
    assert sha256(after.document).hexdigest() == after.sha256
