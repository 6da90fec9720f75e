"""A line that rests on balances is worked out again; whatever was changed behind it is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from tests.balances import ACME, make_balances_home, two_months
from tests.small_home import MARCH_3
from tests.tampered import beside_folios
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.close_periods import close
from tieout.flows.home import Home
from tieout.flows.invoices import list_invoices
from tieout.flows.trace_line import trace
from tieout.flows.verify_books import verify_books
from tieout.kernel.ids import LineId
from tieout.kernel.instant import parse_instant
from tieout.store.sqlite import begin_immediate, open_engine

LEFT = """
[[subscription]]
key = "acme-main"
version = 2
effective_from = 2026-03-15T00:00:00Z
customer = "acme"
[[subscription.phase]]
plan = "basic"
from = 2026-01-01T00:00:00Z
until = 2026-03-15T00:00:00Z
[[subscription.commitment]]
key = "monthly"
kind = "minimum"
amount = "40.00"
from = 2026-01-01T00:00:00Z
until = 2026-07-01T00:00:00Z
billing = "each_period"
rollover = true
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """January and February closed; then acme leaves in the middle of March, which is closed too."""
    home, clock = make_balances_home(tmp_path / "home", now=MARCH_3)
    two_months(home)
    close(home, as_of=MARCH_3)
    clock.set_to(parse_instant("2026-04-03T00:00:00Z"))
    (home.folder / "papers" / "left.toml").write_text(LEFT)
    apply_catalog(home, home.folder / "papers" / "left.toml")
    close(home, as_of=clock.now())
    return home


def line_of(home: Home, words: str, *, month: int) -> LineId:
    invoice = list_invoices(home, ACME)[month - 1].id
    engine = open_engine(home.folder / "books.db", schema="books")
    with engine.connect() as connection:
        query = text("SELECT id, description FROM invoice_line WHERE invoice = :invoice ORDER BY ordinal")
        rows = connection.execute(query, {"invoice": invoice}).all()
    engine.dispose()
    return next(LineId(row.id) for row in rows if words in row.description)


def tamper(home: Home, table: str, statement: str) -> None:
    engine = open_engine(home.folder / "books.db", schema="books")
    with begin_immediate(engine) as connection:
        connection.execute(text(f"DROP TRIGGER {table}_no_update"))
        assert connection.execute(text(statement)).rowcount > 0
    engine.dispose()


def blamed(home: Home, line: LineId) -> set[str]:
    return {difference.what for difference in trace(home, line).reproduced.differences}


LINES = [("true-up", 1), ("true-up", 2), ("rolled over", 2), ("fee, unused", 3), ("true-up", 3)]


@pytest.mark.parametrize(("words", "month"), LINES)
def test_an_untouched_line_is_reproduced(home: Home, words: str, month: int) -> None:
    with home:
        found = trace(home, line_of(home, words, month=month))
        assert found.reproduced.matches and found.reproduced.amount == found.amount
        assert verify_books(home).findings == ()


TAMPERINGS = [
    ("true-up", 2, "charge", "UPDATE charge SET amount = '1' WHERE price LIKE 'commitment/%'", {"charge"}),
    ("true-up", 2, "invoice_line", "UPDATE invoice_line SET amount_minor = 1", {"line"}),
    ("rolled over", 2, "movement", "UPDATE movement SET amount_minor = amount_minor - 3950 "
     "WHERE kind = 'committed'", {"charge", "line", "movement"}),
    ("true-up", 2, "movement", "UPDATE movement SET amount_minor = 7 WHERE kind = 'drawn'", {"movement"}),
    ("true-up", 2, "document", "UPDATE document SET body = replace(body, '\"40.00\"', '\"41.00\"') "
     "WHERE kind = 'subscription' AND key = 'acme-main'", {"subscription"}),
    ("fee, unused", 3, "charge", "UPDATE charge SET amount = '-1' WHERE steps LIKE '%unused%'", {"charge"}),
    ("fee, unused", 3, "movement", "UPDATE movement SET details = replace(details, "
     "'\"exact_amount\":\"10\"', '\"exact_amount\":\"11\"') WHERE kind = 'billed'", {"movement"}),
    ("fee, unused", 3, "movement", "UPDATE movement SET details = '{}' WHERE kind = 'billed'", {"charge"}),
]  # fmt: skip


@pytest.mark.parametrize(("words", "month", "table", "statement", "expected"), TAMPERINGS)
def test_what_was_changed_is_named(
    home: Home, words: str, month: int, table: str, statement: str, expected: set[str]
) -> None:
    with home:
        line = line_of(home, words, month=month)
        tamper(home, table, statement)
        assert expected <= blamed(home, line)


def test_verify_names_an_invoice_whose_credits_are_not_its_movements(home: Home) -> None:
    with home:
        tamper(home, "movement", "UPDATE movement SET amount_minor = amount_minor + 1 WHERE kind = 'used'")
        found = beside_folios(verify_books(home).findings)
        paid = {row.number for row in list_invoices(home) if row.customer in ("acme", "birch")}
        assert found and {each.where for each in found} <= paid
        assert all("credits" in each.detail for each in found)
