"""A small home for tests: one event type, three meters, three customers, a signed policy, and events to
order.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from tieout.contract.policy import PolicyRole
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.ingest_file import ingest_file
from tieout.flows.policy import add_signature, propose, register_key, write_signing_request
from tieout.gateways.clock import SteppedClock
from tieout.gateways.signing import generate_key
from tieout.gateways.signing_desk import sign_request
from tieout.kernel.instant import Instant, parse_instant
from tieout.wiring import Home, create_home

SIGNED_AT = parse_instant("2025-12-15T00:00:00Z")
FEBRUARY_3 = parse_instant("2026-02-03T00:00:00Z")
MARCH_3 = parse_instant("2026-03-03T00:00:00Z")

POLICY = """
[[policy]]
key = "close"
version = 1
effective_from = 2025-12-01T00:00:00Z
cadence = "monthly"
grace_hours = 24
proposer = "Dana"
"""

NEXT_PRICE = """
[[price]]
key = "calls-usd"
version = 2
effective_from = 2026-05-01T00:00:00Z
meter = "calls"
currency = "USD"
description = "Calls"
shape = "per_unit"
unit_amount = "0.02"
"""
RENAMED = """
[[customer]]
key = "acme"
version = 2
effective_from = 2026-05-01T00:00:00Z
name = "Acme renamed"
zone = "UTC"
currency = "USD"
seller = "us"
address = ["3 Street"]
terms_days = 30
"""
CATALOG = """
[[event]]
type = "api.call"
version = 1
effective_from = 2025-01-01T00:00:00Z
description = "One call."
[event.fields.tokens]
type = "integer"
use = "billing"
minimum = "0"
[event.fields.gigabytes]
type = "decimal"
use = "context"
[event.fields.environment]
type = "string"
use = "context"

[[meter]]
key = "calls"
version = 1
effective_from = 2025-01-01T00:00:00Z
definition = "Calls in production."
owner = "product"
event = "api.call"
aggregation = "count"
unit = "call"

[[meter]]
key = "tokens"
version = 1
effective_from = 2025-01-01T00:00:00Z
definition = "Tokens in production."
owner = "product"
event = "api.call"
aggregation = "sum"
field = "tokens"
unit = "token"

[[meter]]
key = "stored"
version = 1
effective_from = 2025-01-01T00:00:00Z
definition = "The last size said."
owner = "product"
event = "api.call"
aggregation = "last"
field = "gigabytes"
unit = "GB"

[[price]]
key = "calls-usd"
version = 1
effective_from = 2025-01-01T00:00:00Z
meter = "calls"
currency = "USD"
description = "Calls"
shape = "per_unit"
unit_amount = "0.015"

[[price]]
key = "tokens-usd"
version = 1
effective_from = 2025-01-01T00:00:00Z
meter = "tokens"
currency = "USD"
description = "Tokens"
shape = "graduated"
per = "1000"
tiers = [ { up_to = "5000", unit_amount = "2" }, { unit_amount = "1.5" } ]

[[price]]
key = "stored-usd"
version = 1
effective_from = 2025-01-01T00:00:00Z
meter = "stored"
currency = "USD"
description = "Storage"
shape = "per_unit"
unit_amount = "0.25"

[[price]]
key = "fee-usd"
version = 1
effective_from = 2025-01-01T00:00:00Z
currency = "USD"
description = "Monthly fee"
shape = "flat"
amount = "10.00"

[[plan]]
key = "basic"
version = 1
effective_from = 2025-01-01T00:00:00Z
name = "Basic"
currency = "USD"
prices = ["fee-usd", "calls-usd", "tokens-usd", "stored-usd"]

[[seller]]
key = "us"
version = 1
effective_from = 2025-01-01T00:00:00Z
name = "We Inc."
address = ["1 Street"]
number_series = "INV"
"""

CUSTOMER = """
[[customer]]
key = "{key}"
version = 1
effective_from = 2025-01-01T00:00:00Z
name = "{key} Ltd"
zone = "{zone}"
currency = "USD"
seller = "us"
address = ["2 Street"]
terms_days = 30

[[subscription]]
key = "{key}-main"
version = 1
effective_from = 2025-12-31T00:00:00Z
customer = "{key}"
[[subscription.phase]]
plan = "basic"
from = "{start}"

[[subject]]
subject = "key-{key}"
customer = "{key}"
from = 2025-01-01T00:00:00Z
"""

ZONES = {
    "acme": ("UTC", "2026-01-01T00:00:00Z"),
    "birch": ("America/New_York", "2026-01-01T00:00:00-05:00"),
    "cedar": ("Pacific/Auckland", "2026-01-01T00:00:00+13:00"),
}


def make_home(folder: Path, *, now: Instant = MARCH_3, policy: str = POLICY) -> tuple[Home, SteppedClock]:
    """A home with catalog and the policy, which was signed in December 2025; its clock stands at `now`."""
    clock = SteppedClock(SIGNED_AT)
    home = create_home(folder, clock=clock)
    papers = folder / "papers"
    papers.mkdir()
    (papers / "catalog.toml").write_text(catalog_text())
    apply_catalog(home, papers / "catalog.toml")
    sign_policy(home, papers, policy)
    clock.set_to(now)
    return home, clock


def catalog_text() -> str:
    customers = [CUSTOMER.format(key=key, zone=zone, start=start) for key, (zone, start) in ZONES.items()]
    return CATALOG + "".join(customers)


def sign_policy(home: Home, papers: Path, text: str = POLICY) -> None:
    (papers / "policy.toml").write_text(text)
    policy = propose(home, papers / "policy.toml")
    write_signing_request(home, policy.digest, papers / "request.json")
    for role, person in ((PolicyRole.PRODUCT, "Ada"), (PolicyRole.FINANCE, "Bram"), (PolicyRole.OPS, "Chi")):
        private = papers / f"{role.value}.key"
        generate_key(private, papers / f"{role.value}.pub")
        register_key(home, role, person, papers / f"{role.value}.pub")
        out = papers / f"{role.value}.signature"
        sign_request(papers / "request.json", private_key=private, role=role, person=person, out=out)
        add_signature(home, out)


def call(number: int, customer: str, time: str, *, tokens: int = 100, **data: str) -> dict[str, object]:
    """One event; its id is its number."""
    return {
        "specversion": "1.0",
        "source": "gateway",
        "id": f"e{number}",
        "type": "api.call",
        "subject": f"key-{customer}",
        "time": time,
        "data": {"tokens": tokens, **data},
    }


def january(per_customer: int = 20) -> list[dict[str, object]]:
    """Calls of all three customers through January 2026, sizes included."""
    return [
        call(
            place * 1000 + number,
            customer,
            f"2026-01-{1 + number % 28:02d}T12:{number % 60:02d}:00Z",
            tokens=100 + 37 * number,
            gigabytes=f"{number}.125",
        )
        for place, customer in enumerate(ZONES)
        for number in range(per_customer)
    ]


def ingest(home: Home, events: Iterable[dict[str, object]], name: str = "events.ndjson") -> None:
    file = home.folder / name
    file.write_text("".join(json.dumps(event) + "\n" for event in events))
    ingest_file(home, file, format=None, source=None)
