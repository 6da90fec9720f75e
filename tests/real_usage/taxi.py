"""A month of New York taxi trips: each vendor pays for what its passengers paid by card, in New York time.

The trips arrive week by week as CSV files in the layout of the raw file, the first tenth of each twice.
Vendor 2 is billed inside the month whenever 700.00 USD are not billed yet. Vendor 1 changes its plan at local
midnight of 16 March, and its trips of 31 March arrive after March was billed. The clocks change in March: its
midnights are four and five hours after those of UTC.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.real_usage import documents
from tests.real_usage.folder import SetFolder, differing, with_tier
from tests.real_usage.instants import HOUR, SECOND, local, micros, text
from tests.real_usage.money import Price, Tier
from tests.real_usage.world import Customer, Event, Meter, Phase, World

FILE = "nyc_taxi_2019-03.csv.gz"
ROWS = 10_000
ZONE = "America/New_York"
SINCE, UNTIL = local(2019, 3, 1, ZONE), local(2019, 5, 1, ZONE)
CHANGE = local(2019, 3, 16, ZONE)
LATE_FROM = local(2019, 3, 31, ZONE)
APRIL = local(2019, 4, 1, ZONE)
_DAYS = (*(local(2019, 3, day, ZONE) for day in (1, 8, 15, 22, 29)), APRIL)
WEEKS = tuple(pairwise(_DAYS))
INTERIM_OVER = 700

PRICES = (
    Price(
        "payments-usd",
        "Card payments",
        "graduated",
        (Tier("2000", "0.05"), Tier(None, "0.04")),
        meter="card-payments",
    ),
    Price(
        "volume-usd",
        "Card volume, of each 100 USD",
        "graduated",
        (Tier("20000", "1.90"), Tier("60000", "1.70"), Tier(None, "1.45")),
        meter="card-volume",
        per="100",
    ),
    Price(
        "payments-plus-usd",
        "Card payments, plus",
        "package",
        (Tier(None, "3.75"),),
        meter="card-payments",
        per="100",
    ),
    Price(
        "volume-plus-usd",
        "Card volume, of each 100 USD, plus",
        "volume",
        (Tier("25000", "1.80"), Tier(None, "1.60")),
        meter="card-volume",
        per="100",
    ),
    Price("terminal-fee-usd", "Terminals, monthly", "flat", (Tier(None, "49.00"),)),
)
CHANGED = ("volume-usd", 0, "1.95")
"""The tier that the candidate changes: card volume up to 20,000 USD."""
BY_CARD = ("payment_type", "1")
METERS = (
    Meter("card-payments", "payments", where=BY_CARD),
    Meter("card-volume", "USD", field="total_amount", where=BY_CARD),
)
CONTRACT = """[[event]]
type = "taxi.trip"
version = 1
effective_from = 2019-03-01T00:00:00-05:00
description = "One taxi trip with its payment. Refunds and disputes have negative amounts."

[event.fields.total_amount]
type = "decimal"
use = "billing"

[event.fields.payment_type]
type = "enum"
use = "billing"
values = ["1", "2", "3", "4", "5", "6"]

[[source]]
key = "taxi-file"
version = 1
effective_from = 2019-03-01T00:00:00-05:00
format = "csv"
event_type = "taxi.trip"
subject = { column = "vendor_id", prefix = "vendor-" }
time = { column = "pickup_datetime", layout = "%Y-%m-%d %H:%M:%S", zone = "America/New_York" }

[source.fields]
total_amount = { column = "total_amount" }
payment_type = { column = "payment_type" }
"""
FORMAT = {"format": "csv", "source": "taxi-file"}
STANDARD = ("terminal-fee-usd", "payments-usd", "volume-usd")
PLUS = ("terminal-fee-usd", "payments-plus-usd", "volume-plus-usd")
VENDOR_1 = (Phase(SINCE, CHANGE, "standard", STANDARD), Phase(CHANGE, UNTIL, "plus", PLUS))
ALONG = (Phase(SINCE, UNTIL, "standard", STANDARD),)
CUSTOMERS = (
    Customer("vendor-1", ZONE, VENDOR_1),
    Customer("vendor-2", ZONE, ALONG),
    Customer("vendor-4", ZONE, ALONG),
)


class Row:
    """A row of the file: its number from 1, and what it says."""

    def __init__(self, number: int, cells: dict[str, str]) -> None:
        self.number, self.cells = number, cells
        self.vendor = "vendor-" + cells["vendor_id"]
        shown = datetime.fromisoformat(cells["pickup_datetime"])
        self.time = micros(shown.replace(tzinfo=ZoneInfo(ZONE)))

    @property
    def is_late(self) -> bool:
        return self.vendor == "vendor-1" and LATE_FROM <= self.time < APRIL

    def event(self, source: str, id: str, *, more: int = 0) -> Event:
        total = str(Decimal(self.cells["total_amount"]) + more)
        data = (("payment_type", self.cells["payment_type"]), ("total_amount", total))
        return Event(source, id, self.vendor, self.time, data)

    def item(self, *, more: int = 0) -> tuple[str, Event]:
        event = self.event("meters", f"trip-{self.number:05}", more=more)
        said = {"specversion": "1.0", "source": "meters", "id": event.id, "type": "taxi.trip"}
        return json.dumps(
            {**said, "subject": self.vendor, "time": text(self.time), "data": dict(event.data)}
        ), event


def build(data: Path, *, every: int = 1) -> SetFolder:
    """The set, and its candidate. `every`: only each so-manieth row, from the first on."""
    prices = {price.key: price for price in PRICES}
    found = _build(data, every, prices)
    other = _build(data, every, with_tier(prices, *CHANGED))
    found.candidate = {"catalog.toml": other.files["catalog/catalog.toml"]}
    found.changed = differing(found.world, other.world)
    return found


def _build(data: Path, every: int, prices: dict[str, Price]) -> SetFolder:
    with gzip.open(data / FILE, "rt", encoding="utf-8", newline="") as file:
        table = csv.DictReader(file)
        found = [Row(number, cells) for number, cells in enumerate(table, 1)][::every]
    over = f"{INTERIM_OVER // every}.00"
    customers = {each.key: each for each in CUSTOMERS}
    customers["vendor-2"] = replace(customers["vendor-2"], interim_over=Fraction(over))
    subjects = {key: key for key in customers}
    made = SetFolder("taxi", World(prices, {each.key: each for each in METERS}, customers, subjects))
    made.files["catalog/catalog.toml"] = _catalog(prices, subjects, much=str(10_000 // every)).encode()
    made.files["policy/policy.toml"] = documents.policy(SINCE, {"vendor-2": over}).encode()
    made.call(SINCE, "catalog", documents="catalog")
    made.call(SINCE, "propose", policy="policy/policy.toml")
    made.call(SINCE, "rehearse")
    for number, (start, end) in enumerate(WEEKS, 1):
        _send_week(made, number, end, [row for row in found if start <= row.time < end and not row.is_late])
    made.close(local(2019, 4, 3, ZONE))
    _send_late(made, [row for row in found if row.is_late])
    _send_week(made, 6, UNTIL, [row for row in found if row.time >= APRIL])
    made.close(local(2019, 5, 3, ZONE))
    return made


def _send_week(made: SetFolder, number: int, end: int, week: list[Row]) -> None:
    """A file, its first tenth once more; in March then a close, which may bill vendor 2."""
    if not week:
        return
    made.read(end + HOUR, f"week-{number}.csv", _file(week), _of_the_file(week), **FORMAT)
    again = week[: len(week) // 10]
    if again:
        file = f"week-{number}-again.csv"
        made.read(end + HOUR + SECOND, file, _file(again), _of_the_file(again), **FORMAT)
    made.call(end + 3 * HOUR, "look")
    if end < APRIL:
        made.close(end + 4 * HOUR)


def _file(rows: list[Row]) -> bytes:
    """In the layout of the raw file."""
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0].cells), lineterminator="\n")
    writer.writeheader()
    writer.writerows(row.cells for row in rows)
    return file.getvalue().encode()


def _send_late(made: SetFolder, late: list[Row]) -> None:
    """A third of them twice; some again with another amount."""
    now = local(2019, 4, 5, ZONE)
    again = [row.item() for row in late[::3]] + [row.item(more=1) for row in late[::7]]
    made.send(now, "late", [row.item() for row in late], idempotency_key="late")
    made.send(now + HOUR, "late-again", again)
    made.correct(now + 24 * HOUR)


def _of_the_file(week: list[Row]) -> list[Event]:
    """Identities are what a row says here, and how often the file said it before."""
    said: dict[tuple[object, ...], int] = {}
    events = []
    for row in week:
        content = row.event("taxi-file", "").content
        ordinal = said[content] = said.get(content, -1) + 1
        events.append(row.event("taxi-file", f"{content} {ordinal}"))
    return events


def _catalog(prices: dict[str, Price], subjects: dict[str, str], *, much: str) -> str:
    return "\n".join(
        [
            CONTRACT,
            documents.seller(SINCE, "TX"),
            documents.meters(METERS, "taxi.trip", SINCE),
            documents.prices(prices.values(), SINCE),
            documents.plans(CUSTOMERS, SINCE),
            documents.customers(CUSTOMERS, subjects, SINCE),
            documents.alert("much-volume", "card-volume", "standard", much, SINCE),
        ]
    )
