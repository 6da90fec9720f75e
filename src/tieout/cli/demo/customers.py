"""The 25 invented customers of `roster.csv`, and the catalog file that says who they are and what they buy.

Zones and currencies differ on purpose: each month ends at another instant for a customer in Tokyo, New York
or Berlin, and a yen has no cents.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files

from tieout.kernel.instant import format_instant, local_instant
from tieout.kernel.zone import zone

PLAN_CHANGER = "birch"
"""Moves from Starter to Scale at local midnight of 15 February 2026."""


@dataclass(frozen=True, slots=True)
class DemoCustomer:
    """One invented customer; `weight` is its share of the traffic."""

    key: str
    name: str
    zone: str
    currency: str
    plan: str
    weight: int
    api_keys: tuple[str, ...]
    address: tuple[str, ...]
    terms_days: int
    purchase_order: str

    @property
    def organisation(self) -> str:
        """The subject of its storage samples."""
        return f"org-{self.key}"

    def midnight(self, *, month: int, day: int) -> str:
        """Local midnight of a day of 2026, as an RFC 3339 instant."""
        naive = datetime(2026, month, day)  # noqa: DTZ001 - a wall clock reading, given its zone in the next line
        return format_instant(local_instant(naive, zone(self.zone)))


def demo_customers() -> tuple[DemoCustomer, ...]:
    """The roster, in its order."""
    roster = (files("tieout.cli.demo") / "roster.csv").read_text(encoding="utf-8")
    return tuple(_customer(row) for row in csv.DictReader(roster.splitlines()))


def _customer(row: dict[str, str]) -> DemoCustomer:
    return DemoCustomer(
        key=row["key"],
        name=row["name"],
        zone=row["zone"],
        currency=row["currency"],
        plan=row["plan"],
        weight=int(row["weight"]),
        api_keys=tuple(f"key-{row['key']}-{ordinal}" for ordinal in range(1, int(row["api_keys"]) + 1)),
        address=tuple(row["address"].split("; ")),
        terms_days=int(row["terms_days"]),
        purchase_order=row["purchase_order"],
    )


def customers_toml() -> str:
    """Customers, subscriptions and subjects as one catalog file."""
    heading = (
        "# Who is billed, for what, and which API keys and organisations are theirs. Written by the demo.\n"
    )
    return "\n".join([heading, *(_customer_toml(customer) for customer in demo_customers())])


def _customer_toml(customer: DemoCustomer) -> str:
    start = customer.midnight(month=1, day=1)
    address = ", ".join(f'"{line}"' for line in customer.address)
    order = f'purchase_order = "{customer.purchase_order}"\n' if customer.purchase_order else ""
    subjects = ", ".join(f'"{subject}"' for subject in (customer.organisation, *customer.api_keys))
    return f"""[[customer]]
key = "{customer.key}"
version = 1
effective_from = 2025-12-20T00:00:00Z
name = "{customer.name}"
zone = "{customer.zone}"
currency = "{customer.currency}"
seller = "northgate"
address = [{address}]
{order}email = "accounts@{customer.key}.example"
terms_days = {customer.terms_days}

[[subscription]]
key = "{customer.key}"
version = 1
effective_from = 2025-12-20T00:00:00Z
customer = "{customer.key}"

{_phases_toml(customer, start)}
[[subject]]
subjects = [{subjects}]
customer = "{customer.key}"
from = {start}
"""


def _phases_toml(customer: DemoCustomer, start: str) -> str:
    currency = customer.currency.lower()
    if customer.key != PLAN_CHANGER:
        return f'[[subscription.phase]]\nplan = "{customer.plan}-{currency}"\nfrom = {start}\n'
    change = customer.midnight(month=2, day=15)
    return (
        f'[[subscription.phase]]\nplan = "starter-{currency}"\nfrom = {start}\nuntil = {change}\n\n'
        f'[[subscription.phase]]\nplan = "scale-{currency}"\nfrom = {change}\n'
    )
