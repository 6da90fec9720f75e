"""Movements of two months on SQLite and on PostgreSQL: the same sums, as final, and never from a stale
balance."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.balances import ACME, give, make_balances_home, movements, plainly, two_months
from tests.small_home import MARCH_3
from tieout.balance.movement import balances
from tieout.flows.close_periods import close
from tieout.flows.invoices import list_invoices, show_invoice
from tieout.flows.trace_line import trace
from tieout.flows.wallet import void_grant
from tieout.kernel.ids import LineId
from tieout.store.books.movements import BalancesMoved
from tieout.store.sqlite import begin_immediate, open_engine
from tieout.wiring import Home


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    if request.param == "postgres":
        monkeypatch.setenv("TIEOUT_DATABASE_URL", request.getfixturevalue("postgres_url"))
    yield tmp_path / "home"


def closed(place: Path) -> Home:
    home, _ = make_balances_home(place, now=MARCH_3)
    two_months(home)
    close(home, as_of=MARCH_3)
    return home


def test_two_months_closed_at_once_leave_what_was_worked_out_by_hand(place: Path) -> None:
    """A call costs 0.015 (0.02 on the line of one, 0.03 of two) and 100 tokens 0.20; the fee is 10.00.

    January: usage 0.03 + 0.40; true-up 39.57; fees 20.00: 60.00, paid by 30.00 and 25.00. 39.57 roll over.
    February: usage 0.02 + 0.20, paid by the roll-over; true-up 40.00 and a fee of 10.00: 50.00.
    """
    with closed(place) as home:
        rows = list_invoices(home, ACME)
        assert [str(row.total) for row in rows] == ["60.00 USD", "50.00 USD"]
        january, february = (row.id for row in rows)
        found = movements(home)
        kinds = [each.kind.value for each in found if each.account.startswith(("wallet/", "top-up/"))]
        assert kinds == ["granted", "granted", "top-up-requested", "used", "used"]
        left = balances(found)
        assert left["wallet/gift"] == left["wallet/bought"] == 0
        assert left["advance/acme-main"] == 1000
        assert left["commitment/acme-main/monthly"] == 4000
        assert {each.invoice for each in found} == {None, january, february}
        for row in rows:
            for ordinal in range(1, 7):
                name = LineId(f"{row.id}-{ordinal:03d}")
                if name.encode() in show_invoice(home, row.id).document:
                    assert trace(home, name).reproduced.matches
        before = plainly(found)
        close(home, as_of=MARCH_3)
        assert plainly(movements(home)) == before


def test_what_moved_since_it_was_read_is_refused_and_nothing_is_written(place: Path) -> None:
    with closed(place) as home:
        seen = len(movements(home))
        give(home, "acme", "1.00", "late")
        again = movements(home)[-1]
        with pytest.raises(BalancesMoved):
            home.books.movements.record([again], seen=seen)
        void_grant(home, "late", person="Fay", reason="a mistake")
        assert len(movements(home)) == seen + 2


def test_a_movement_is_final(place: Path) -> None:
    with closed(place):
        pass
    engine = open_engine(os.environ.get("TIEOUT_DATABASE_URL") or place / "books.db", schema="books")
    for statement in ("UPDATE movement SET amount_minor = 1", "DELETE FROM movement"):
        with pytest.raises(DBAPIError, match="is final"), begin_immediate(engine) as connection:
            connection.execute(text(statement))
    engine.dispose()
