"""Small records for tests of the path, each with the fields that a test usually leaves alone filled in."""

from __future__ import annotations

from tieout.aggregate.snapshot import Snapshot
from tieout.contract.party import Customer, Seller
from tieout.contract.plan import Plan
from tieout.contract.price import Price, PriceShape
from tieout.invoice.invoice import PolicyReference
from tieout.kernel.digest import Fingerprint
from tieout.kernel.ids import CustomerId, MeterKey, PlanKey, PriceKey, SubscriptionId, Watermark
from tieout.kernel.instant import Instant, parse_instant
from tieout.kernel.period import Period
from tieout.kernel.quantity import Quantity
from tieout.kernel.rounding import Rounding

METER = MeterKey("tokens")
SUBSCRIPTION = SubscriptionId("sub-1")
CUSTOMER = CustomerId("acme")


def period(start: str, end: str) -> Period:
    """`period("2026-01-01", "2026-02-01")`: UTC midnights, or full instants."""
    full = [text if "T" in text else f"{text}T00:00:00Z" for text in (start, end)]
    return Period(parse_instant(full[0]), parse_instant(full[1]))


JANUARY = period("2026-01-01", "2026-02-01")


def price(
    shape: PriceShape, *, meter: MeterKey | None = METER, currency: str = "USD", key: str = "p"
) -> Price:
    return Price(
        key=PriceKey(key),
        version=1,
        effective_from=Instant(0),
        meter=meter,
        currency=currency,
        description="Tokens",
        shape=shape,
        rounding=Rounding.HALF_AWAY_FROM_ZERO,
        tier_split="restart",
        digest="price-digest",
    )


def plan(*prices: str) -> Plan:
    return Plan(
        PlanKey("plan"),
        1,
        Instant(0),
        "Plan",
        "USD",
        tuple(PriceKey(key) for key in prices),
        None,
        "plan-digest",
    )


def snapshot(quantity: str, over: Period = JANUARY, count: int = 1) -> Snapshot:
    return Snapshot(
        meter=METER,
        meter_version=1,
        meter_digest="meter-digest",
        unit="tokens",
        subscription=SUBSCRIPTION,
        customer=CUSTOMER,
        period=over,
        watermark=Watermark(7),
        quantity=Quantity.parse(quantity),
        event_count=count,
        fingerprint=Fingerprint(count, 1, 2),
        excluded_count=0,
    )


def customer(*, zone: str = "America/New_York", terms_days: int = 30) -> Customer:
    return Customer(
        key=CUSTOMER,
        version=1,
        effective_from=Instant(0),
        name="Acme",
        zone=zone,
        currency="USD",
        seller="us",
        address=("1 Road",),
        tax_id=None,
        purchase_order="PO-7",
        email=None,
        terms_days=terms_days,
        anchor=None,
        digest="customer-digest",
    )


SELLER = Seller("us", 1, Instant(0), "Us Inc.", ("2 Street",), "US-1", None, "INV", "seller-digest")
POLICY = PolicyReference("policy", 1, "policy-digest", (("finance", "k1"),), None)
