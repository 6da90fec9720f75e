"""Stripe's programs on the taxi trips of March 2019: billed is what a plain script over the file says.

The data knows no payments and payouts; they are made of it, and none of that is the publishers' business. A
trip paid by card is a payment of its vendor. A record that was held in the vehicle first stands for a card
entered by hand, a trip of the flat airport fare (rate code 2) for an international card, one to Newark (3)
for a conversion, one of a negotiated fare (5) for Managed Payments. Each morning at six the tips of the day
before are paid out, one payout to each pickup zone that earned some: zones stand for connected accounts.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.scenarios.steps_policy import POLICY
from tests.surface.conftest import DemoHome
from tests.surface.test_demo import REAL_DATA
from tieout.cli.demo.run_real import TAXI
from tieout.cli.demo.stage import set_stage, sign_policy
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.close_periods import close
from tieout.flows.ingest_file import ingest_file
from tieout.flows.shipped_programs import add_program
from tieout.kernel.instant import parse_instant

FILE = REAL_DATA / TAXI.file
NEW_YORK = ZoneInfo("America/New_York")
MARCH = (date(2019, 3, 1), date(2019, 4, 1))
PLATFORM = "taxi-platform"
VENDORS = ("taxi-vendor-1", "taxi-vendor-2", "taxi-vendor-4")
SINCE = parse_instant("2019-03-01T05:00:00Z")

pytestmark = pytest.mark.skipif(not FILE.is_file(), reason=f"{TAXI.file} is not in {REAL_DATA}")

HEAD = """[[seller]]
key = "us"
version = 1
effective_from = 2019-03-01T00:00:00-05:00
name = "Worked example"
address = ["New York, NY"]
number_series = "TX"
"""
PLAN = """
[[plan]]
key = "{key}"
version = 1
effective_from = 2019-03-01T00:00:00-05:00
name = "{key}"
currency = "USD"
cadence = "monthly"
programs = {programs}
"""
PARTY = """
[[customer]]
key = "{key}"
version = 1
effective_from = 2019-03-01T00:00:00-05:00
name = "{key}"
zone = "America/New_York"
currency = "USD"
seller = "us"
address = ["New York, NY"]

[[subscription]]
key = "{key}"
version = 1
effective_from = 2019-03-01T00:00:00-05:00
customer = "{key}"

[[subscription.phase]]
plan = "{plan}"
from = 2019-03-01T00:00:00-05:00

[[subject]]
subject = "{key}"
customer = "{key}"
from = 2019-03-01T00:00:00-05:00
"""


def trips() -> Iterator[dict[str, str]]:
    with gzip.open(FILE, "rt", encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)


def local(trip: dict[str, str]) -> datetime:
    return datetime.fromisoformat(trip["pickup_datetime"]).replace(tzinfo=NEW_YORK)


def paid_by_card(trip: dict[str, str]) -> bool:
    return trip["payment_type"] == "1" and MARCH[0] <= local(trip).date() < MARCH[1]


def tips_by_day_and_zone() -> dict[tuple[date, str], Decimal]:
    found: dict[tuple[date, str], Decimal] = defaultdict(Decimal)
    for trip in filter(paid_by_card, trips()):
        if Decimal(trip["tip_amount"]) > 0:
            found[local(trip).date(), trip["pickup_location_id"]] += Decimal(trip["tip_amount"])
    return found


def event(kind: str, name: str, subject: str, at: datetime, data: dict[str, Any]) -> str:
    head = {"specversion": "1.0", "id": name, "source": "taxi", "type": kind, "subject": subject}
    return json.dumps({**head, "time": at.isoformat(), "data": {"currency": "USD", **data}})


def events() -> Iterator[str]:
    for row, trip in enumerate(trips()):
        if paid_by_card(trip):
            data = {
                "amount": trip["total_amount"],
                "country": "US",
                "method": "card",
                "entry": "manual" if trip["store_and_fwd_flag"] == "Y" else "online",
                "origin": "international" if trip["rate_code_id"] == "2" else "domestic",
                "conversion": trip["rate_code_id"] == "3",
                "managed": trip["rate_code_id"] == "5",
            }
            subject = f"taxi-vendor-{trip['vendor_id']}"
            yield event("stripe.payment.succeeded", f"trip-{row}", subject, local(trip), data)
    for (day, zone), tips in sorted(tips_by_day_and_zone().items()):
        at = datetime(day.year, day.month, day.day, 6, tzinfo=NEW_YORK) + timedelta(days=1)
        data = {"account": f"zone-{zone}", "amount": str(tips)}
        yield event("stripe.payout.sent", f"tips-{day}-{zone}", PLATFORM, at, data)


@dataclass
class Taken:
    """What one rate is taken of, added up in plain decimals."""

    count: int = 0
    amount: Decimal = field(default_factory=Decimal)

    def add(self, amount: str) -> None:
        self.count += 1
        self.amount += Decimal(amount)

    def fee(self, percent: str, fixed: str = "0") -> str:
        exact = self.amount * Decimal(percent) / 100 + self.count * Decimal(fixed)
        return str(exact.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP))


def fees_of(vendor: str) -> list[tuple[str, str, str]]:
    """(program, price, amount) of each line, from the file alone."""
    rows = [trip for trip in filter(paid_by_card, trips()) if f"taxi-vendor-{trip['vendor_id']}" == vendor]
    every, manual, abroad, converted, managed = (Taken() for _ in range(5))
    for trip in rows:
        every.add(trip["total_amount"])
        if trip["store_and_fwd_flag"] == "Y":
            manual.add(trip["total_amount"])
        for code, taken in (("2", abroad), ("3", converted), ("5", managed)):
            if trip["rate_code_id"] == code:
                taken.add(trip["total_amount"])
    return [
        ("stripe-standard", "stripe-standard/payment", every.fee("2.9", "0.30")),
        ("stripe-standard", "stripe-standard/manual-entry", manual.fee("0.5")),
        ("stripe-standard", "stripe-standard/international", abroad.fee("1.5")),
        ("stripe-standard", "stripe-standard/conversion", converted.fee("1")),
        ("stripe-managed-payments", "stripe-managed-payments/transaction", managed.fee("3.5")),
    ]


def fees_of_the_platform() -> list[tuple[str, str, str]]:
    """Tips of 31 March are paid out in April, and zones that earned only then are not active in March."""
    sent = {key: tips for key, tips in tips_by_day_and_zone().items() if key[0] < date(2019, 3, 31)}
    taken = Taken()
    for tips in sent.values():
        taken.add(str(tips))
    accounts = {zone for _, zone in sent}
    return [
        ("stripe-connect", "stripe-connect/active-account", f"{2 * len(accounts)}.00"),
        ("stripe-connect", "stripe-connect/payout", taken.fee("0.25", "0.25")),
    ]


@pytest.fixture(scope="module")
def billed(tmp_path_factory: pytest.TempPathFactory) -> DemoHome:
    """A home that read the month and closed it."""
    folder = tmp_path_factory.mktemp("taxi")
    (folder / "events.ndjson").write_text("\n".join(events()) + "\n")
    (folder / "catalog").mkdir()
    shops = PLAN.format(key="vendors", programs='["stripe-standard", "stripe-managed-payments"]')
    platform = PLAN.format(key="platform", programs='["stripe-connect"]')
    parties = [PARTY.format(key=vendor, plan="vendors") for vendor in VENDORS]
    parties.append(PARTY.format(key=PLATFORM, plan="platform"))
    (folder / "catalog" / "taxi.toml").write_text("\n".join([HEAD, shops, platform, *parties]))
    stage = set_stage(folder / "home", now=parse_instant("2019-02-01T00:00:00Z"))
    with stage.home as home:
        sign_policy(stage, POLICY.format(effective_from="2019-02-02T00:00:00Z"))
        for program in ("stripe-standard", "stripe-managed-payments", "stripe-connect"):
            add_program(home, program, since=SINCE)
        apply_catalog(home, folder / "catalog")
        stage.clock.set_to(parse_instant("2019-04-02T00:00:00Z"))
        report = ingest_file(home, folder / "events.ndjson")
        assert report.accepted == report.received > 8_000
        stage.clock.set_to(parse_instant("2019-04-03T12:00:00Z"))
        assert len(close(home, as_of=parse_instant("2019-04-03T12:00:00Z")).invoices) == 4
    return DemoHome(folder / "home", {})


def invoice_of(home: DemoHome, customer: str) -> dict[str, Any]:
    (row,) = home.run("invoice", "list", "--customer", customer, "--json").json
    shown: dict[str, Any] = home.run("invoice", "show", row["id"], "--json").json
    return shown


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_vendor_pays_standard_and_managed_fees_apart(billed: DemoHome, vendor: str) -> None:
    invoice = invoice_of(billed, vendor)
    lines = [(line["program"]["key"], line["price"], line["amount"]) for line in invoice["lines"]]
    assert lines == fees_of(vendor)
    assert Decimal(invoice["total"]) == sum(Decimal(amount) for _, _, amount in lines)


def test_the_platform_pays_for_accounts_and_payouts_of_the_month(billed: DemoHome) -> None:
    invoice = invoice_of(billed, PLATFORM)
    lines = [(line["program"]["key"], line["price"], line["amount"]) for line in invoice["lines"]]
    assert lines == fees_of_the_platform()


def test_every_line_traces_to_its_trips_and_back(billed: DemoHome) -> None:
    for customer in (*VENDORS, PLATFORM):
        for line in invoice_of(billed, customer)["lines"]:
            traced = billed.run("trace", line["id"], "--json").json
            assert traced["reproduced"]["matches"], traced["reproduced"]


def test_half_the_standard_rate_would_have_cost_what_the_script_says(
    billed: DemoHome, tmp_path: Path
) -> None:
    text = billed.run("program", "show", "stripe-standard", "--toml").out
    text = text.replace('percent = "2.9"', 'percent = "1.45"')
    (tmp_path / "half.toml").write_text(text.replace("2026-01-01T00:00:00Z", "2019-03-01T05:00:00Z"))
    shown = billed.run("price", "simulate", "--catalog", str(tmp_path), "--customer", VENDORS[1], "--json")
    assert shown.code == 1, shown.err
    taken = Taken()
    for trip in filter(paid_by_card, trips()):
        if trip["vendor_id"] == "2":
            taken.add(trip["total_amount"])
    (payments,) = [line for line in shown.json["invoices"][0]["lines"] if line["difference"] != "0.00"]
    assert payments["after"] == taken.fee("1.45", "0.30")
