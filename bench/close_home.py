"""A home whose January is due: so many customers on one plan of three metered prices, under a signed policy.

The three meters read the events of `bench.event_blocks` each in its own way: requests are counted and cost
the same each, tokens read are added up and priced in graduated tiers, and the longest answer (a maximum) has
a price by volume. The log is made by `bench.build`, through the intake that reads files, and is compacted.
"""

from __future__ import annotations

import json
from pathlib import Path

from bench.build import BLOCKS_AT_ONCE, SEED, Built, build, open_at, record_built, settled_bytes
from bench.event_blocks import ROWS
from bench.tieout_ingest import CATALOG as CONTRACT
from tieout.contract.policy import PolicyRole
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.home import Home
from tieout.flows.policy import add_signature, propose, register_key, write_signing_request
from tieout.kernel.instant import parse_instant
from tieout.wiring import SteppedClock, create_home, generate_key, sign_request

SIGNED_AT = parse_instant("2025-12-15T00:00:00Z")
CLOSED_AS_OF = parse_instant("2026-02-03T00:00:00Z")
DAYS = 31
SIGNERS = ((PolicyRole.PRODUCT, "Ada"), (PolicyRole.FINANCE, "Bram"), (PolicyRole.OPS, "Chi"))
POLICY = """
[[policy]]
key = "close"
version = 1
effective_from = 2025-12-01T00:00:00Z
cadence = "monthly"
grace_hours = 24
proposer = "Dana"
"""
TERMS = """
[[meter]]
key = "requests"
version = 1
effective_from = 2025-01-01T00:00:00Z
definition = "Requests answered."
owner = "product"
event = "llm.request"
aggregation = "count"
unit = "request"

[[meter]]
key = "tokens"
version = 1
effective_from = 2025-01-01T00:00:00Z
definition = "Tokens read."
owner = "product"
event = "llm.request"
aggregation = "sum"
field = "input_tokens"
unit = "token"

[[meter]]
key = "longest"
version = 1
effective_from = 2025-01-01T00:00:00Z
definition = "Tokens of the longest answer."
owner = "product"
event = "llm.request"
aggregation = "max"
field = "output_tokens"
unit = "token"

[[price]]
key = "requests-usd"
version = 1
effective_from = 2025-01-01T00:00:00Z
meter = "requests"
currency = "USD"
description = "Requests"
shape = "per_unit"
unit_amount = "0.0015"

[[price]]
key = "tokens-usd"
version = 1
effective_from = 2025-01-01T00:00:00Z
meter = "tokens"
currency = "USD"
description = "Tokens read"
shape = "graduated"
per = "1000"
tiers = [ { up_to = "1000000", unit_amount = "0.02" }, { up_to = "5000000", unit_amount = "0.015" }, { unit_amount = "0.0125" } ]

[[price]]
key = "longest-usd"
version = 1
effective_from = 2025-01-01T00:00:00Z
meter = "longest"
currency = "USD"
description = "Longest answer"
shape = "volume"
tiers = [ { up_to = "500", unit_amount = "0.01" }, { unit_amount = "0.02" } ]

[[plan]]
key = "bench"
version = 1
effective_from = 2025-01-01T00:00:00Z
name = "Bench"
currency = "USD"
prices = ["requests-usd", "tokens-usd", "longest-usd"]

[[seller]]
key = "us"
version = 1
effective_from = 2025-01-01T00:00:00Z
name = "We Inc."
address = ["1 Street"]
number_series = "INV"
"""  # noqa: E501 - TOML 1.0 wants an inline table on one line
CUSTOMER = """
[[customer]]
key = "c-{number:05}"
version = 1
effective_from = 2025-01-01T00:00:00Z
name = "Customer {number}"
zone = "UTC"
currency = "USD"
seller = "us"
address = ["{number} Street"]
terms_days = 30

[[subscription]]
key = "s-{number:05}"
version = 1
effective_from = 2025-12-31T00:00:00Z
customer = "c-{number:05}"
[[subscription.phase]]
plan = "bench"
from = "2026-01-01T00:00:00Z"

[[subject]]
subject = "customer-{number:05}"
customer = "c-{number:05}"
from = 2025-01-01T00:00:00Z
"""
CUSTOMERS_PER_FILE = 1_000


def build_due(folder: Path, *, events: int, customers: int, workers: int) -> Built:
    """The home in `folder/home`, compacted; what an earlier run has built is used again."""
    if not (folder / "build.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        with create_home(folder / "home", clock=SteppedClock(SIGNED_AT)) as home:
            _apply(home, folder / "papers", customers)
        planned = -(-events // ROWS)
        record_built(folder, Built(SEED, ROWS, planned, 0, 0.0, customers=customers, days=DAYS))
    before = (folder / "build.json").read_bytes()
    built = build(folder, events, workers=workers)
    assert built.customers == customers, f"{folder} has {built.customers} customers; remove it"
    if (folder / "build.json").read_bytes() != before:
        for later in (1, 1 + BLOCKS_AT_ONCE):
            with open_at(folder, built, later=later) as home:
                settled_bytes(home)
    return built


def is_built(folder: Path) -> bool:
    """Whether the home is there, whole."""
    file = folder / "build.json"
    if not file.exists():
        return False
    told = json.loads(file.read_text())
    return bool(told["done"] >= told["planned"])


def _apply(home: Home, papers: Path, customers: int) -> None:
    """Contract, terms and customers from files, then the policy with its three signatures."""
    catalog = papers / "catalog"
    catalog.mkdir(parents=True, exist_ok=True)
    (catalog / "events.toml").write_text((CONTRACT / "events.toml").read_text())
    (catalog / "terms.toml").write_text(TERMS)
    for first in range(0, customers, CUSTOMERS_PER_FILE):
        numbers = range(first, min(first + CUSTOMERS_PER_FILE, customers))
        text = "".join(CUSTOMER.format(number=number) for number in numbers)
        (catalog / f"customers-{first:05}.toml").write_text(text)
    apply_catalog(home, catalog)
    (papers / "policy.toml").write_text(POLICY)
    policy = propose(home, papers / "policy.toml")
    write_signing_request(home, policy.digest, papers / "request.json")
    for role, person in SIGNERS:
        private, public, signature = (papers / f"{role.value}{suffix}" for suffix in (".key", ".pub", ".sig"))
        generate_key(private, public)
        register_key(home, role, person, public)
        sign_request(papers / "request.json", private_key=private, role=role, person=person, out=signature)
        add_signature(home, signature)
