"""A calendar that changes after a period was sealed: the period that runs goes on to its end, and what is
left of the next one pays its share only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.small_home import CUSTOMER, MARCH_3, POLICY, call, ingest, make_home, sign_policy
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.close_periods import close
from tieout.flows.home import Home
from tieout.flows.invoices import list_invoices, show_invoice
from tieout.flows.policy import policies
from tieout.flows.trace_line import trace
from tieout.gateways.clock import SteppedClock
from tieout.kernel.ids import CustomerId, LineId
from tieout.kernel.instant import Instant, parse_instant

ADVANCE = """
[[price]]
key = "fee-usd"
version = 2
effective_from = 2026-01-01T00:00:00Z
currency = "USD"
description = "Monthly fee"
shape = "flat"
amount = "10.00"
timing = "advance"
"""
ACME = CustomerId("acme")
FEBRUARY_4 = parse_instant("2026-02-04T00:00:00Z")
APRIL_1 = parse_instant("2026-04-01T00:00:00Z")


@pytest.fixture
def town(tmp_path: Path) -> Iterator[tuple[Home, SteppedClock]]:
    home, clock = make_home(tmp_path / "home", now=FEBRUARY_4)
    with home:
        yield home, clock


def changed(home: Home, text: str, **members: str) -> None:
    """Applies version 2 of a customer that was applied, with other members."""
    table = text[text.index("[[customer]]") : text.index("[[subscription]]")].replace(
        "version = 1", "version = 2"
    )
    table = table.replace("2025-01-01T00:00:00Z", "2026-02-10T00:00:00Z")
    for name, value in members.items():
        kept = [line for line in table.splitlines() if not line.startswith(f"{name} =")]
        table = "\n".join([*kept, f"{name} = {value}", ""])
    file = home.folder / "changed.toml"
    file.write_text(table)
    apply_catalog(home, file)


def periods(home: Home, customer: CustomerId) -> list[tuple[Instant, Instant]]:
    return [(row.period.start, row.period.end) for row in list_invoices(home, customer)]


def lines(home: Home, customer: CustomerId, place: int) -> list[dict[str, object]]:
    document = json.loads(show_invoice(home, list_invoices(home, customer)[place].id).document)
    return list(document["lines"])


def test_after_a_move_of_zones_the_hours_between_pay_their_share_of_the_fee(
    town: tuple[Home, SteppedClock],
) -> None:
    home, clock = town
    tokyo = CUSTOMER.format(key="dogwood", zone="Asia/Tokyo", start="2026-01-01T00:00:00+09:00")
    (home.folder / "tokyo.toml").write_text(tokyo)
    apply_catalog(home, home.folder / "tokyo.toml")
    dogwood = CustomerId("dogwood")
    close(home, as_of=FEBRUARY_4, customers=(dogwood,))
    changed(home, tokyo, zone='"America/New_York"')
    clock.set_to(MARCH_3)
    ingest(home, [call(1, "dogwood", "2026-02-28T20:00:00Z", tokens=7000)])
    close(home, as_of=MARCH_3, customers=(dogwood,))
    found = periods(home, dogwood)
    assert len(found) == 3
    assert all(left[1] == right[0] for left, right in pairwise(found))
    assert {line["price"]: line["amount"] for line in lines(home, dogwood, 1)}["fee-usd"] == "10.00"
    stub = lines(home, dogwood, 2)
    by_price = {str(line["price"]): line for line in stub}
    assert by_price["fee-usd"]["amount"] == "0.21", "14 of February's 672 hours in New York, of 10.00"
    assert by_price["fee-usd"]["share_of"] == {
        "start": "2026-02-01T05:00:00Z",
        "end": "2026-03-01T05:00:00Z",
    }
    assert by_price["tokens-usd"]["amount"] == "13.00"
    assert "tiers start anew" in str(by_price["tokens-usd"]["steps"])
    for line in stub:
        assert trace(home, LineId(str(line["id"]))).reproduced.matches


def test_after_a_change_of_anchor_the_days_between_pay_their_share(town: tuple[Home, SteppedClock]) -> None:
    home, clock = town
    close(home, as_of=FEBRUARY_4, customers=(ACME,))
    changed(
        home,
        CUSTOMER.format(key="acme", zone="UTC", start="2026-01-01T00:00:00Z"),
        anchor="2026-01-15",
    )
    clock.set_to(APRIL_1)
    close(home, as_of=APRIL_1, customers=(ACME,))
    fees = [
        (line["amount"], "share_of" in line)
        for place in range(3)
        for line in lines(home, ACME, place)
        if line["price"] == "fee-usd"
    ]
    assert fees == [("10.00", False), ("10.00", False), ("5.00", True)], "14 of the 28 days from 15 February"


def test_a_fee_in_advance_that_a_change_of_calendar_cuts_was_used_all_the_same(
    town: tuple[Home, SteppedClock],
) -> None:
    """February is paid with January's invoice and ends, after the move to Tokyo, nine hours into a March."""
    home, clock = town
    (home.folder / "advance.toml").write_text(ADVANCE)
    apply_catalog(home, home.folder / "advance.toml")
    close(home, as_of=FEBRUARY_4, customers=(ACME,))
    changed(home, CUSTOMER.format(key="acme", zone="UTC", start="2026-01-01T00:00:00Z"), zone='"Asia/Tokyo"')
    clock.set_to(parse_instant("2026-04-03T00:00:00Z"))
    close(home, as_of=clock.now(), customers=(ACME,))
    fees = [
        [line["amount"] for line in lines(home, ACME, place) if line["price"] == "fee-usd"]
        for place in range(3)
    ]
    assert fees == [["10.00", "10.00"], ["9.88"], ["10.00"]], "735 of March's 744 hours; nothing is credited"


@pytest.mark.parametrize("since", ["2026-02-01", "2026-01-20"])
def test_a_policy_recuts_no_period_that_started_before_it(tmp_path: Path, since: str) -> None:
    home, clock = make_home(tmp_path / "home", now=parse_instant("2026-01-10T00:00:00Z"))
    with home:
        digest = policies(home)[0].policy.digest
        weekly = POLICY.replace("version = 1", f'version = 2\npredecessor_digest = "{digest}"')
        papers = tmp_path / "weekly"
        papers.mkdir()
        sign_policy(home, papers, weekly.replace("monthly", "weekly").replace("2025-12-01", since))
        clock.set_to(MARCH_3)
        close(home, as_of=MARCH_3, customers=(ACME,))
        found = periods(home, ACME)
        days = [
            "2026-01-01",
            "2026-02-01",
            "2026-02-02",
            "2026-02-09",
            "2026-02-16",
            "2026-02-23",
            "2026-03-02",
        ]
        assert found == list(pairwise(parse_instant(f"{day}T00:00:00Z") for day in days))
        assert lines(home, ACME, 0)[0]["amount"] == "10.00"
        assert lines(home, ACME, 1)[0]["share_of"] == {
            "start": "2026-01-26T00:00:00Z",
            "end": "2026-02-02T00:00:00Z",
        }
