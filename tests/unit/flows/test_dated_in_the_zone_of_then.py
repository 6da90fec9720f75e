"""What belongs to no paper is dated in the zone that its customer has at that moment, a paper in the one that
it names, and days of usage in that of their period: a move that comes later changes none of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.disputes import ACME, name_three, number_of, opened
from tests.small_home import CUSTOMER, call, ingest, january, make_home
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.close_periods import close
from tieout.flows.export_ledger import FOCUS, export_ledger
from tieout.flows.home import Home
from tieout.flows.keep_head import make_key
from tieout.flows.measure_usage import usage
from tieout.flows.payments import record_payment
from tieout.flows.usage_windows import Window
from tieout.flows.wallet import GrantOrder, grant_credit
from tieout.kernel.instant import format_instant, parse_instant
from tieout.ledger.balances import Selection

EVENING = parse_instant("2026-02-28T20:00:00Z")
"""In Auckland it is the first of March."""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """Acme is in UTC until June and in Auckland from then on; January is sealed this evening."""
    made, _ = make_home(tmp_path / "home", now=EVENING)
    with made:
        moved = CUSTOMER.format(key="acme", zone="Pacific/Auckland", start="")
        table = moved[: moved.index("[[subscription]]")].replace("version = 1", "version = 2")
        (tmp_path / "moved.toml").write_text(table.replace("2025-01-01T", "2026-06-01T"))
        apply_catalog(made, tmp_path / "moved.toml")
        ingest(made, [*january(), call(900, "acme", "2026-02-10T12:00:00Z", tokens=1)])
        close(made, as_of=EVENING)
        yield made


def test_money_and_disputes_have_the_day_of_the_zone_of_then(home: Home) -> None:
    number = number_of(home)
    record_payment(home, number, amount="1.00", reference="p-1", person="Ada", received_at=None)
    order = GrantOrder("acme", "5.00", None, "paid", 0, None, None, (), ())
    grant_credit(home, order, grant_id="g-1", person="Ada", reason="goodwill")
    entries = home.books.ledger.entries(Selection(customer=ACME))
    days = {each.id: each.day.isoformat() for each in entries if each.effective_at == EVENING}
    assert len(days) >= 3 and set(days.values()) == {"2026-02-28"}
    make_key(home)
    name_three(home)
    assert opened(home).zone_name == "UTC"


def test_an_export_has_the_month_of_the_date_that_the_paper_prints(home: Home, tmp_path: Path) -> None:
    """Acme's and those of two customers elsewhere: one is in Auckland, where it is March."""
    counts = {
        month: export_ledger(home, FOCUS, tmp_path / f"{month}.csv", since=month, until=month).records
        for month in ("2026-02", "2026-03")
    }
    text = {month: (tmp_path / f"{month}.csv").read_text() for month in counts}
    assert "acme" in text["2026-02"] and "acme" not in text["2026-03"]
    assert "cedar" in text["2026-03"] and "cedar" not in text["2026-02"]


def test_days_of_usage_are_those_of_the_period(home: Home) -> None:
    found = usage(home, ACME, at=parse_instant("2026-02-10T12:00:00Z"), window=Window.DAY)
    days = {format_instant(each.period.start) for each in found.windows or ()}
    assert days and all(each.endswith("T00:00:00Z") for each in days)
