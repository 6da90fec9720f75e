"""Customers have sellers; subscriptions have customers and plans in their currency, and a history that later
versions do not rewrite; no two subscriptions of a customer bill one meter at one time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from tieout.contract.document import DocumentKind
from tieout.contract.plan import Plan
from tieout.contract.price import Flat
from tieout.contract.problem import Problem
from tieout.contract.rules.couponing import coupons_until
from tieout.contract.rules.draft import Draft
from tieout.contract.rules.terms import terms_misfits
from tieout.contract.subscription import Phase, Subscription
from tieout.kernel.ids import CustomerId, MeterKey, PlanKey, PriceKey
from tieout.kernel.instant import Instant, format_instant


def check_customers(draft: Draft) -> Iterator[Problem]:
    """The seller is known from the customer's start."""
    for customer in draft.catalog.customers:
        unknown = draft.missing(DocumentKind.SELLER, customer.seller, since=customer.effective_from)
        if unknown is not None:
            yield draft.problem(DocumentKind.CUSTOMER, customer, "seller", unknown)


def check_subscriptions(draft: Draft) -> Iterator[Problem]:
    """Each version by itself, each version against the one before, and subscriptions of one customer
    together."""
    subscriptions = draft.catalog.subscriptions
    for subscription in subscriptions:
        for name, message in _misfits(draft, subscription):
            yield draft.problem(DocumentKind.SUBSCRIPTION, subscription, name, message)
    for key in subscriptions.keys:
        for before, after in pairwise(subscriptions.versions(key)):
            for name, message in _rewritten(before, after):
                yield draft.problem(DocumentKind.SUBSCRIPTION, after, name, message)
    yield from _billed_twice(draft)


def _misfits(draft: Draft, subscription: Subscription) -> Iterator[tuple[str, str]]:
    start = subscription.phases[0].start
    unknown = draft.missing(DocumentKind.CUSTOMER, subscription.customer, since=start)
    if unknown is not None:
        yield "customer", unknown
    for place, phase in enumerate(subscription.phases):
        yield from _phase_misfits(draft, subscription, phase, f"phase[{place}]")
        following = subscription.phases[place + 1 :]
        yield from terms_misfits(draft, phase, following, f"phase[{place}]", draft.catalog.plans_of(phase))
    yield from _fees_of_two_periods(draft, subscription)


def _fees_of_two_periods(draft: Draft, subscription: Subscription) -> Iterator[tuple[str, str]]:
    """One fee in advance under two cadences: what was billed for a month would pass for a year's fee."""
    asked: dict[PriceKey, Plan] = {}
    for place, phase in enumerate(subscription.phases):
        for plan in draft.catalog.plans_of(phase):
            for key in map(phase.price, plan.prices):
                before = asked.setdefault(key, plan)
                if before.cadence != plan.cadence and _in_advance(draft, key):
                    named = (f"{each.key} v{each.version} ({_cadence(each)})" for each in (before, plan))
                    yield (
                        f"phase[{place}].plan",
                        f"price {key} is a fee in advance, and for periods of two cadences: "
                        f"{' and '.join(named)}; give each plan a fee of its own",
                    )


def _in_advance(draft: Draft, key: PriceKey) -> bool:
    shapes = (price.shape for price in draft.catalog.prices.versions(key))
    return any(isinstance(shape, Flat) and shape.timing == "advance" for shape in shapes)


def _cadence(plan: Plan) -> str:
    return "that of the policy" if plan.cadence is None else plan.cadence.value


def _phase_misfits(
    draft: Draft, subscription: Subscription, phase: Phase, name: str
) -> Iterator[tuple[str, str]]:
    unknown = draft.missing(DocumentKind.PLAN, phase.plan, since=phase.start)
    if unknown is not None:
        yield f"{name}.plan", unknown
        return
    if phase.plan_version is not None:
        known = draft.documents[DocumentKind.PLAN, phase.plan]
        pinned = next((document for document in known if document.version == phase.plan_version), None)
        if pinned is None:
            yield f"{name}.plan_version", f"there is no plan {phase.plan!r} v{phase.plan_version}"
        elif pinned.effective_from > phase.start:
            begins = format_instant(pinned.effective_from)
            yield (
                f"{name}.plan_version",
                f"plan {phase.plan!r} v{pinned.version} is in force only from {begins}",
            )
    for plan in draft.catalog.plans_of(phase):
        for customer in draft.catalog.customers.during(subscription.customer, phase.start, phase.end):
            if plan.currency != customer.currency:
                message = f"plan {plan.key} v{plan.version} is in {plan.currency}, "
                message += f"customer {customer.key} v{customer.version} in {customer.currency}"
                yield f"{name}.plan", message


def _rewritten(before: Subscription, after: Subscription) -> Iterator[tuple[str, str]]:
    if before.customer != after.customer:
        yield "customer", f"v{before.version} is for {before.customer}; a subscription keeps its customer"
    if _history(before, after.effective_from) != _history(after, after.effective_from):
        start = format_instant(after.effective_from)
        yield "phase", f"differs from v{before.version} before its own effective_from {start}"
    if coupons_until(before, after.effective_from) != coupons_until(after, after.effective_from):
        start = format_instant(after.effective_from)
        yield "coupon", f"differs from v{before.version} before its own effective_from {start}"


def _history(subscription: Subscription, until: Instant) -> list[Phase]:
    """What was agreed before `until`; two phases that only cut one in two are one.

    What follows a grandfathered phase is of the future, and may change.
    """
    found: list[Phase] = []
    for phase in subscription.phases:
        if phase.start >= until:
            continue
        kept = phase.grandfathered
        end = until if phase.end is None else min(phase.end, until)
        agreed = replace(
            phase, end=end, grandfathered=None if kept is None else replace(kept, successor=PlanKey(""))
        )
        before = found[-1] if found else None
        if (
            before is not None
            and before.end == phase.start
            and replace(agreed, start=before.start) == replace(before, end=end)
        ):
            found[-1] = replace(before, end=end)
        else:
            found.append(agreed)
    return found


@dataclass(frozen=True, slots=True)
class Billing:
    """One meter billed to one customer over half-open `[start, end)` by one phase of one subscription."""

    customer: CustomerId
    meter: MeterKey
    start: Instant
    end: Instant | None
    subscription: Subscription
    place: int


def _billed_twice(draft: Draft) -> Iterator[Problem]:
    """Usage belongs to a customer, so two subscriptions on one meter at one time would both bill it."""
    billings = [billing for key in draft.catalog.subscriptions.keys for billing in _billings(draft, key)]
    billings.sort(
        key=lambda billing: (billing.customer, billing.meter, billing.start, billing.subscription.key)
    )
    reported = set()
    open_billings: list[Billing] = []
    for billing in billings:
        open_billings = [other for other in open_billings if _meet(other, billing)]
        for other in open_billings:
            place = (other.subscription.key, billing.subscription.key, billing.place, billing.meter)
            if other.subscription is not billing.subscription and place not in reported:
                reported.add(place)
                message = (
                    f"{billing.meter} would be billed twice: subscription {other.subscription.key} bills it"
                )
                name = f"phase[{billing.place}].plan"
                yield draft.problem(DocumentKind.SUBSCRIPTION, billing.subscription, name, message)
        open_billings.append(billing)


def _billings(draft: Draft, key: str) -> Iterator[Billing]:
    subscription = draft.catalog.subscriptions.versions(key)[-1]
    for place, phase in enumerate(subscription.phases):
        for meter in _meters(draft, phase):
            yield Billing(subscription.customer, meter, phase.start, phase.end, subscription, place)


def _meet(before: Billing, after: Billing) -> bool:
    """Whether the two bill one meter of one customer at one time; `after` does not start earlier."""
    same = (before.customer, before.meter) == (after.customer, after.meter)
    return same and (before.end is None or after.start < before.end)


def _meters(draft: Draft, phase: Phase) -> list[MeterKey]:
    """The meters of every price that the phase can come to use, sorted."""
    plans = draft.catalog.plans_of(phase)
    programs = {key for plan in plans for key in plan.programs}
    keys = {key for plan in plans for key in plan.prices} | {
        key
        for named in programs
        for program in draft.catalog.programs.during(named, phase.start, phase.end)
        for key in program.prices
    }
    prices = (price for key in keys for price in draft.catalog.prices.during(key, phase.start, phase.end))
    return sorted({price.meter for price in prices if price.meter is not None})
