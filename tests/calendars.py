"""Billing calendars for tests: a subscription to plans without prices, of a customer that may change."""

from __future__ import annotations

from dataclasses import replace

from tests.records import CUSTOMER, SUBSCRIPTION, customer, plan
from tieout.close.calendar import BillingCalendar, PeriodDefault, calendar_of
from tieout.contract.catalog import Catalog
from tieout.contract.event_contract import ContractBook
from tieout.contract.party import Customer
from tieout.contract.plan import Plan
from tieout.contract.subject import SubjectBook
from tieout.contract.subscription import Phase, Subscription
from tieout.contract.versions import Versions
from tieout.kernel.cadence import Cadence
from tieout.kernel.ids import PlanKey
from tieout.kernel.instant import Instant, parse_instant

PLAN = replace(plan("fee"), key=PlanKey("basic"), cadence=None)
MONTHLY = replace(PLAN, key=PlanKey("monthly"), cadence=Cadence.MONTHLY)
YEARLY = replace(PLAN, key=PlanKey("yearly"), cadence=Cadence.YEARLY)
WEEKLY = replace(PLAN, key=PlanKey("weekly"), cadence=Cadence.WEEKLY)
PLANS = (PLAN, MONTHLY, YEARLY, WEEKLY)
ANN = replace(customer(zone="UTC"), effective_from=Instant(0))


def at(text: str) -> Instant:
    return parse_instant(text if "T" in text else f"{text}T00:00:00Z")


def phases(*told: tuple[str, str, str | None]) -> Subscription:
    """(plan, from, until) each."""
    return subscribed(
        *(Phase(PlanKey(key), None, at(start), None if end is None else at(end)) for key, start, end in told)
    )


def subscribed(*of: Phase) -> Subscription:
    return Subscription(SUBSCRIPTION, 1, Instant(0), CUSTOMER, of, "subscription-digest")


def calendar(
    subscription: Subscription,
    *profiles: Customer,
    defaults: tuple[PeriodDefault, ...] = (),
    plans: tuple[Plan, ...] = PLANS,
) -> BillingCalendar:
    return calendar_of(catalog_of(subscription, *profiles, plans=plans), subscription, defaults)


def catalog_of(subscription: Subscription, *profiles: Customer, plans: tuple[Plan, ...] = PLANS) -> Catalog:
    nothing = Versions(())
    return Catalog(
        contracts=ContractBook(()),
        events=nothing,
        meters=nothing,
        prices=nothing,
        plans=Versions(plans),
        coupons=nothing,
        taxes=nothing,
        sellers=nothing,
        customers=Versions(profiles or (ANN,)),
        subscriptions=Versions([subscription]),
        subjects=SubjectBook(()),
        programs=nothing,
        mappings=nothing,
        sources=nothing,
        policies=nothing,
    )
