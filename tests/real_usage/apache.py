"""Four days of a web server: every client a customer, billed for requests and for bytes served.

The log names no identities. Lines of the first days arrive as the file they are, and twice; those of the
last day from noon on as single events, some of them again, some again with another size. Lines of its last
hours arrive in June, when May was billed already. The clients with most requests change their plan at
midnight of 19 May.
"""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from datetime import datetime
from pathlib import Path

from tests.real_usage import documents
from tests.real_usage.folder import SetFolder, differing, with_tier
from tests.real_usage.instants import SECOND, at, micros, text
from tests.real_usage.money import Price, Tier
from tests.real_usage.world import Customer, Event, Meter, Phase, World

FILE = "apache_access_2015-05.log.gz"
ROWS = 10_000
SINCE = at("2015-05-01T00:00:00Z")
MAY_END, JUNE_END = at("2015-06-01T00:00:00Z"), at("2015-07-01T00:00:00Z")
CHANGE = at("2015-05-19T00:00:00Z")
SINGLE_FROM, LATE_FROM = at("2015-05-20T12:00:00Z"), at("2015-05-20T19:00:00Z")
BUSY = 50
"""Clients with so many requests or more change their plan."""
BATCH = 400

PRICES = (
    Price(
        "requests-usd",
        "Requests",
        "graduated",
        (Tier("10", "0.10"), Tier("100", "0.05"), Tier(None, "0.02")),
        meter="requests",
    ),
    Price(
        "bytes-usd",
        "Data served, per GB of 1,000,000,000 bytes",
        "graduated",
        (Tier("1000000", "90.00"), Tier("50000000", "40.00"), Tier(None, "25.00")),
        meter="bytes",
        per="1000000000",
    ),
    Price("fee-usd", "Monthly fee", "flat", (Tier(None, "3.00"),)),
    Price(
        "busy-requests-usd",
        "Requests, by the hundred",
        "package",
        (Tier(None, "2.40"),),
        meter="requests",
        per="100",
    ),
    Price(
        "busy-bytes-usd",
        "Data served, per GB, by volume",
        "volume",
        (Tier("10000000", "30.00"), Tier(None, "20.00")),
        meter="bytes",
        per="1000000000",
    ),
    Price("busy-fee-usd", "Monthly fee, busy", "flat", (Tier(None, "20.00"),)),
)
CHANGED = ("requests-usd", 1, "0.06")
"""The tier that the candidate changes: requests 11 to 100."""
METERS = (Meter("requests", "requests"), Meter("bytes", "bytes", field="bytes"))
LINE = re.compile(r'(\S+) \S+ \S+ \[([^\]]+)\] "((?:[^"\\]|\\.)*)" (\d{3}) (\d+|-) ')
CONTRACT = """[[event]]
type = "web.request"
version = 1
effective_from = 2015-05-01T00:00:00Z
description = "One request of an access log. A size of '-' is zero bytes sent."

[event.fields.bytes]
type = "integer"
use = "billing"
minimum = "0"

[[source]]
key = "access-log"
version = 1
effective_from = 2015-05-01T00:00:00Z
format = "access_log"
event_type = "web.request"
subject = { column = "client" }
time = { column = "time" }

[source.fields]
bytes = { column = "bytes" }
"""
"""The log's other columns are no part of what an event says here, so equal lines are told apart by their
ordinal among the lines that say the same."""


class Row:
    """A line: its number from 1, client, time and size."""

    def __init__(self, number: int, line: str) -> None:
        found = LINE.match(line)
        assert found is not None, line
        self.number, self.line, self.client = number, line, found.group(1)
        self.time = micros(datetime.strptime(found.group(2), "%d/%b/%Y:%H:%M:%S %z"))
        self.bytes = "0" if found.group(5) == "-" else found.group(5)

    def item(self, *, more: int = 0) -> tuple[str, Event]:
        size = str(int(self.bytes) + more)
        event = Event("edge", f"line-{self.number:05}", self.client, self.time, (("bytes", size),))
        said = {"specversion": "1.0", "source": "edge", "id": event.id, "type": "web.request"}
        rest = {"subject": self.client, "time": text(self.time), "data": {"bytes": int(size)}}
        return json.dumps({**said, **rest}), event


def build(data: Path, *, every: int = 1) -> SetFolder:
    """The set, and its candidate. `every`: only each so-manieth row, from the first on."""
    prices = {price.key: price for price in PRICES}
    found = _build(data, every, prices)
    other = _build(data, every, with_tier(prices, *CHANGED))
    found.candidate = {"catalog.toml": other.files["catalog/catalog.toml"]}
    found.changed = differing(found.world, other.world)
    return found


def _build(data: Path, every: int, prices: dict[str, Price]) -> SetFolder:
    with gzip.open(data / FILE, "rt", encoding="utf-8") as file:
        found = [Row(number, line) for number, line in enumerate(file.read().splitlines(), 1)][::every]
    customers = _customers(found, busy_from=max(3, BUSY // every))
    subjects = {client: client for client in customers}
    made = SetFolder("apache", World(prices, {each.key: each for each in METERS}, customers, subjects))
    made.files["catalog/catalog.toml"] = _catalog(
        prices, customers, subjects, many=str(max(2, 20 // every))
    ).encode()
    made.files["policy/policy.toml"] = documents.policy(SINCE, {}).encode()
    made.call(SINCE, "catalog", documents="catalog")
    made.call(SINCE, "propose", policy="policy/policy.toml")
    made.call(SINCE, "rehearse")
    _send(made, found)
    made.close(at("2015-06-02T12:00:00Z"))
    late = [row for row in found if row.time >= LATE_FROM]
    now = at("2015-06-05T09:00:00Z")
    made.send(now, "late", [row.item() for row in late])
    made.send(now + SECOND, "late-again", _again(late))
    made.correct(at("2015-06-06T09:00:00Z"))
    made.close(at("2015-07-02T12:00:00Z"))
    return made


def _send(made: SetFolder, found: list[Row]) -> None:
    log = [row for row in found if row.time < SINGLE_FROM]
    body = "".join(row.line + "\n" for row in log).encode()
    events = _of_the_log(log)
    now = SINGLE_FROM + 300 * SECOND
    made.read(now, "access.log", body, events, format="access_log", source="access-log")
    made.read(now + 60 * SECOND, "access.log", body, events, format="access_log", source="access-log")
    single = [row for row in found if SINGLE_FROM <= row.time < LATE_FROM]
    now = LATE_FROM + 300 * SECOND
    for start in range(0, len(single), BATCH):
        batch, name = single[start : start + BATCH], f"{start // BATCH:04}"
        made.send(now, name, [row.item() for row in batch], idempotency_key=f"batch-{name}")
        made.send_again(now + SECOND, name, f"batch-{name}")
        made.send(now + 2 * SECOND, f"{name}-again", _again(batch))
        now += 10 * SECOND
    made.call(now, "look")


def _again(batch: list[Row]) -> list[tuple[str, Event]]:
    """Every tenth once more, every fiftieth with another size."""
    return [row.item() for row in batch[::10]] + [row.item(more=1) for row in batch[5::50]]


def _of_the_log(log: list[Row]) -> list[Event]:
    """Equal lines are as many events: identities are what a line says, and how often it was said before."""
    said: Counter[tuple[str, int, str]] = Counter()
    events = []
    for row in log:
        content = (row.client, row.time, row.bytes)
        id = f"{content} {said[content]}"
        said[content] += 1
        events.append(Event("access-log", id, row.client, row.time, (("bytes", row.bytes),)))
    return events


def _customers(found: list[Row], *, busy_from: int) -> dict[str, Customer]:
    """Who has late lines stays through June, so that there is an invoice for them."""
    requests = Counter(row.client for row in found)
    late = {row.client for row in found if row.time >= LATE_FROM}
    customers = {}
    for client in sorted(requests):
        end = JUNE_END if client in late else MAY_END
        web = ("fee-usd", "requests-usd", "bytes-usd")
        busy = ("busy-fee-usd", "busy-requests-usd", "busy-bytes-usd")
        if requests[client] >= busy_from:
            phases = (Phase(SINCE, CHANGE, "web", web), Phase(CHANGE, end, "busy", busy))
        else:
            phases = (Phase(SINCE, end, "web", web),)
        customers[client] = Customer(client, "UTC", phases)
    return customers


def _catalog(
    prices: dict[str, Price], customers: dict[str, Customer], subjects: dict[str, str], *, many: str
) -> str:
    return "\n".join(
        [
            CONTRACT,
            documents.seller(SINCE, "WEB"),
            documents.meters(METERS, "web.request", SINCE),
            documents.prices(prices.values(), SINCE),
            documents.plans(customers.values(), SINCE),
            documents.customers(customers.values(), subjects, SINCE),
            documents.alert("many-requests", "requests", "web", many, SINCE),
        ]
    )
