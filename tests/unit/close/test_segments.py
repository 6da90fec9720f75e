"""How a period splits where a plan, a price or a meter changes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.records import CUSTOMER, JANUARY, METER, SUBSCRIPTION, period, plan, price, snapshot
from tests.usage import snapshot_of, used
from tieout.aggregate.breakdown import Breakdown
from tieout.close.rating import MissingSnapshot, charges, usage_requests
from tieout.close.segments import NothingInForce, segments
from tieout.contract.catalog import Catalog
from tieout.contract.event_contract import ContractBook
from tieout.contract.meter import Aggregation, Meter
from tieout.contract.modifiers import Discount, Modifiers
from tieout.contract.plan import Plan
from tieout.contract.price import Flat, Graduated, PerUnit, Price, Tier
from tieout.contract.subject import SubjectBook, SubjectSpan
from tieout.contract.subscription import Phase, Subscription
from tieout.contract.versions import Versions
from tieout.kernel.ids import EventType, PlanKey, Subject
from tieout.kernel.instant import Instant, parse_instant
from tieout.kernel.quantity import Quantity
from tieout.kernel.rational import exact

USAGE = price(PerUnit(exact("1"), exact("1")), key="usage")
FEE = price(Flat(exact("31")), meter=None, key="fee")
BASIC = replace(plan("fee", "usage"), key=PlanKey("basic"))
TOKENS = Meter(
    key=METER,
    version=1,
    effective_from=Instant(0),
    definition="tokens",
    owner="product",
    event=EventType("use"),
    aggregation=Aggregation.COUNT,
    field=None,
    unit="tokens",
    dimensions=(),
    filter=(),
    exclusions=(),
    digest="meter-digest",
)


def at(text: str) -> Instant:
    return parse_instant(text if "T" in text else f"{text}T00:00:00Z")


def catalog(
    *,
    plans: tuple[Plan, ...] = (BASIC,),
    prices: tuple[Price, ...] = (USAGE, FEE),
    meters: tuple[Meter, ...] = (TOKENS,),
) -> Catalog:
    span = SubjectSpan(Subject("ann"), CUSTOMER, at("2026-01-10"), None)
    return Catalog(
        contracts=ContractBook(()),
        events=Versions(()),
        meters=Versions(meters),
        prices=Versions(prices),
        plans=Versions(plans),
        coupons=Versions(()),
        taxes=Versions(()),
        sellers=Versions(()),
        customers=Versions(()),
        subscriptions=Versions(()),
        subjects=SubjectBook((span,)),
        programs=Versions(()),
        mappings=Versions(()),
        sources=Versions(()),
        policies=Versions(()),
    )


def subscription(*phases: tuple[str, str, str | None]) -> Subscription:
    built = tuple(
        Phase(PlanKey(key), None, at(start), None if end is None else at(end)) for key, start, end in phases
    )
    return Subscription(SUBSCRIPTION, 1, Instant(0), CUSTOMER, built, "subscription-digest")


def test_a_quiet_period_is_one_segment_per_price_in_the_plans_order() -> None:
    found = segments(catalog(), subscription(("basic", "2025-06-01", None)), JANUARY)
    assert [(each.price.key, each.part) for each in found] == [("fee", JANUARY), ("usage", JANUARY)]


def test_a_plan_change_splits_every_price_and_a_gap_is_no_segment() -> None:
    other = replace(BASIC, key=PlanKey("other"), prices=(USAGE.key,))
    changing = subscription(("basic", "2025-06-01", "2026-01-10"), ("other", "2026-01-20", None))
    found = segments(catalog(plans=(BASIC, other)), changing, JANUARY)
    assert [(each.plan.key, each.price.key, each.part) for each in found] == [
        ("basic", "fee", period("2026-01-01", "2026-01-10")),
        ("basic", "usage", period("2026-01-01", "2026-01-10")),
        ("other", "usage", period("2026-01-20", "2026-02-01")),
    ]


def test_a_new_price_or_meter_version_splits_that_price_only() -> None:
    dearer = replace(USAGE, version=2, effective_from=at("2026-01-15"))
    finer = replace(TOKENS, version=2, effective_from=at("2026-01-20"))
    book = catalog(prices=(USAGE, dearer, FEE), meters=(TOKENS, finer))
    found = segments(book, subscription(("basic", "2025-06-01", None)), JANUARY)
    described = [
        (each.price.key, each.price.version, each.meter and each.meter.version, each.part) for each in found
    ]
    assert described == [
        ("fee", 1, None, JANUARY),
        ("usage", 1, 1, period("2026-01-01", "2026-01-15")),
        ("usage", 2, 1, period("2026-01-15", "2026-01-20")),
        ("usage", 2, 2, period("2026-01-20", "2026-02-01")),
    ]


def test_what_has_no_version_in_force_is_refused_not_billed_as_zero() -> None:
    late = replace(FEE, effective_from=at("2026-01-15"))
    with pytest.raises(NothingInForce, match="price fee at 2026-01-01"):
        segments(catalog(prices=(USAGE, late)), subscription(("basic", "2025-06-01", None)), JANUARY)


def test_requests_follow_the_subjects_and_every_segment_gets_its_charge() -> None:
    book = catalog()
    found = segments(book, subscription(("basic", "2025-06-01", None)), JANUARY)
    (request,) = usage_requests(book, found)
    assert [(span.start, span.end) for span in request.spans] == [(at("2026-01-10"), JANUARY.end)]
    rated = charges(found, [snapshot("3")])
    assert [(charge.price.key, charge.amount) for charge in rated] == [("fee", 31), ("usage", 3)]
    with pytest.raises(MissingSnapshot):
        charges(found, [])


def test_a_part_that_continues_counts_the_parts_before_it_whatever_they_did() -> None:
    """The version before restarted its tiers; its usage still comes first."""
    tiers = (Tier(Quantity.of(3), exact("1"), exact("0")), Tier(None, exact("0.5"), exact("0")))
    first = replace(USAGE, shape=Graduated(tiers, exact("1")))
    second = replace(first, version=2, effective_from=at("2026-01-15"), tier_split="continue")
    book = catalog(prices=(first, second, FEE))
    found = segments(book, subscription(("basic", "2025-06-01", None)), JANUARY)
    measured = [
        replace(snapshot("2"), period=period("2026-01-01", "2026-01-15")),
        replace(snapshot("4"), period=period("2026-01-15", "2026-02-01")),
    ]
    calls = [charge for charge in charges(found, measured) if charge.price.key == "usage"]
    assert [charge.amount for charge in calls] == [2, exact("2.5")], "1 x 1.00 and 3 x 0.50 are left"
    assert [charge.terms.prior for charge in calls] == [None, Quantity.of(2)]


def test_a_phase_that_goes_on_as_before_splits_nothing() -> None:
    cut = subscription(("basic", "2025-06-01", "2026-01-10"), ("basic", "2026-01-10", None))
    found = segments(catalog(), cut, JANUARY)
    assert [(each.price.key, each.part) for each in found] == [("fee", JANUARY), ("usage", JANUARY)]
    gap = subscription(("basic", "2025-06-01", "2026-01-10"), ("basic", "2026-01-11", None))
    assert len(segments(catalog(), gap, JANUARY)) == 4


def test_a_discount_that_ends_splits_its_own_price_and_no_other() -> None:
    ending = (
        Discount("launch", exact("10"), None, at("2026-01-16")),
        Discount("spring", exact("5"), None, at("2026-03-01")),
    )
    discounted = replace(USAGE, modifiers=Modifiers(discounts=ending))
    found = segments(catalog(prices=(discounted, FEE)), subscription(("basic", "2025-06-01", None)), JANUARY)
    parts = [(segment.price.key, segment.part) for segment in found]
    assert parts == [
        ("fee", JANUARY),
        ("usage", period("2026-01-01", "2026-01-16")),
        ("usage", period("2026-01-16", "2026-02-01")),
    ]


def test_a_price_that_groups_asks_for_groups_and_gets_a_charge_for_each() -> None:
    by_region = replace(USAGE, group_by=("region",))
    found = segments(catalog(prices=(by_region, FEE)), subscription(("basic", "2025-06-01", None)), JANUARY)
    (request,) = usage_requests(catalog(prices=(by_region, FEE)), found)
    assert request.breakdown == Breakdown(("region",))
    usage = snapshot_of([used("1", region="us"), used("2", region="eu")], request.breakdown)
    rated = charges(found, [usage])
    assert [(charge.price.key, charge.group, charge.amount) for charge in rated] == [
        ("fee", (), 31),
        ("usage", (("region", "eu"),), 2),
        ("usage", (("region", "us"),), 1),
    ]
