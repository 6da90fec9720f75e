"""Eight processes close one home on PostgreSQL at once: each account is sealed once, numbers have no gap, and
balances move once.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.balances import make_balances_home, movements, plainly, two_months
from tests.faults.close_laws import Expected, broken_laws, documents_of, traced
from tests.faults.closers import closers_started
from tests.small_home import FEBRUARY_3, ZONES, ingest, january, make_home
from tieout.flows.close_periods import close
from tieout.flows.verify_books import verify_books
from tieout.gateways.clock import SteppedClock
from tieout.wiring import open_home

CLOSERS = 8
PER_CUSTOMER = 5
DUE = Expected(dict.fromkeys(ZONES, 1), events=PER_CUSTOMER * len(ZONES))


@pytest.fixture
def on_postgres(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIEOUT_DATABASE_URL", postgres_url)


def close_at_once(folder: Path, *, rows: int = 500) -> None:
    with closers_started() as closers:
        assert closers.close_at_once(folder, CLOSERS, rows=rows) == [0] * CLOSERS


@pytest.mark.usefixtures("on_postgres")
@pytest.mark.parametrize("rows", [1, 500], ids=["each alone", "all together"])
def test_eight_closes_at_once_seal_each_account_once(tmp_path: Path, rows: int) -> None:
    folder = tmp_path / "home"
    home, _ = make_home(folder, now=FEBRUARY_3)
    with home:
        ingest(home, january(PER_CUSTOMER))
    close_at_once(folder, rows=rows)
    with open_home(folder, clock=SteppedClock(FEBRUARY_3)) as opened:
        assert broken_laws(opened, DUE) == []
        assert traced(opened, documents_of(opened))
        assert close(opened, as_of=FEBRUARY_3).invoices == ()


def test_eight_closes_at_once_move_balances_as_one_close_does_on_sqlite(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, _ = make_balances_home(tmp_path / "alone", now=FEBRUARY_3)
    with alone:
        two_months(alone)
        close(alone, as_of=FEBRUARY_3)
        expected = {customer: plainly(movements(alone, customer)) for customer in ZONES}
    assert any(movement.startswith("used/") for rows in expected.values() for movement, _, _ in rows)
    monkeypatch.setenv("TIEOUT_DATABASE_URL", postgres_url)
    folder = tmp_path / "home"
    home, _ = make_balances_home(folder, now=FEBRUARY_3)
    with home:
        two_months(home)
    close_at_once(folder)
    with open_home(folder, clock=SteppedClock(FEBRUARY_3)) as opened:
        assert {customer: plainly(movements(opened, customer)) for customer in ZONES} == expected
        assert verify_books(opened).findings == ()
