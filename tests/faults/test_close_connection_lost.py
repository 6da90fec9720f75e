"""The connection to PostgreSQL breaks at the COMMIT of a seal: the close finds out by reading back what
became of it, seals nobody twice and parks nobody for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.faults.close_laws import Expected, broken_laws
from tests.faults.harness import tally
from tests.faults.network.cutting import Cut, cutting_proxy
from tests.small_home import FEBRUARY_3, ZONES, ingest, january, make_home
from tieout.close.outcome import Sealed
from tieout.flows import seal_accounts
from tieout.flows.close_periods import close
from tieout.gateways.clock import SteppedClock
from tieout.store.books import invoices
from tieout.wiring import open_home

PER_CUSTOMER = 5
DUE = Expected(dict.fromkeys(ZONES, 1), events=PER_CUSTOMER * len(ZONES))


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("how", ["before", "after", "at once"])
def test_a_connection_lost_at_the_commit_of_a_seal_seals_each_account_once(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch, how: Cut, batch: int
) -> None:
    url = make_url(postgres_url)
    monkeypatch.setenv("TIEOUT_DATABASE_URL", postgres_url)
    home, _ = make_home(tmp_path / "home", now=FEBRUARY_3)
    with home:
        ingest(home, january(PER_CUSTOMER))
    with cutting_proxy(Path(str(url.query["host"])) / f".s.PGSQL.{url.port or 5432}") as proxy:
        through = url.set(host="127.0.0.1", port=proxy.port, query={})
        monkeypatch.setenv("TIEOUT_DATABASE_URL", through.render_as_string(hide_password=False))
        monkeypatch.setattr(seal_accounts, "ROWS_PER_TRANSACTION", 1 if batch == 1 else 500)

        def cut(name: str) -> None:
            if name == "seal-before-commit" and not proxy.cuts:
                proxy.cut_next(how)

        monkeypatch.setattr(invoices, "crash_point", cut)
        with open_home(tmp_path / "home", clock=SteppedClock(FEBRUARY_3)) as far:
            report = close(far, as_of=FEBRUARY_3)
        assert proxy.cuts == 1
    assert {type(outcome) for _, _, outcome in report.outcomes} == {Sealed}
    assert sorted(row.customer for row in report.invoices) == sorted(ZONES)
    monkeypatch.setenv("TIEOUT_DATABASE_URL", postgres_url)
    with open_home(tmp_path / "home", clock=SteppedClock(FEBRUARY_3)) as opened:
        assert broken_laws(opened, DUE) == []
    tally.injected()
