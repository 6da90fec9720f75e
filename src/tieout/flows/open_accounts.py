"""The accounts of one customer whose period runs at an instant: what there is to bill of it, whoever signed
what, and less what interim invoices of the period have billed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tieout.balance.movement import Movement
from tieout.close.calendar import PeriodDefault, calendar_of, is_active
from tieout.contract.catalog import Catalog
from tieout.contract.policy import Policy
from tieout.contract.subscription import Subscription
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.billed_of import billed_of
from tieout.flows.due_accounts import DueAccount, period_defaults, unbilled_parts
from tieout.flows.home import Home
from tieout.flows.interim_accounts import Interims, after_interims, interims_of
from tieout.flows.policy import PolicyState, governing, policies
from tieout.kernel.cadence import Cadence
from tieout.kernel.ids import CustomerId, PolicyKey, SubscriptionId
from tieout.kernel.instant import INSTANT_MIN, Instant
from tieout.kernel.period import Period

NO_POLICY_KEY = PolicyKey("none")
UNSIGNED = PolicyState(
    Policy(
        key=NO_POLICY_KEY,
        version=0,
        effective_from=INSTANT_MIN,
        predecessor_digest=None,
        cadence=Cadence.MONTHLY,
        grace_hours=0,
        proposer="",
        small_team_exception=None,
        digest="",
    ),
    (),
    (),
    None,
)
"""Stands where nobody signed anything: such an account can be looked at, never billed."""


@dataclass(frozen=True, slots=True)
class BillingFacts:
    """What exposure is worked out from beside usage, read once for many customers."""

    catalog: Catalog
    policies: tuple[PolicyState, ...]
    defaults: tuple[PeriodDefault, ...]
    billed: Mapping[SubscriptionId, Sequence[Period]]
    interims: Interims
    movements: Mapping[CustomerId, tuple[Movement, ...]]


@dataclass(frozen=True, slots=True)
class OpenAccount:
    """`period` is that of the calendar; what of it is left to bill stands in `account`. `earlier_open`: an
    ended period is not billed yet, so credits and commitments stand as before it."""

    account: DueAccount
    period: Period
    is_signed: bool
    earlier_open: bool


def billing_facts(home: Home, customers: Sequence[CustomerId]) -> BillingFacts:
    signed, catalog = policies(home), load_catalog(home)
    return BillingFacts(
        catalog,
        tuple(signed),
        period_defaults(signed),
        billed_of(home, catalog, customers),
        interims_of(home, signed, customers),
        home.books.movements.of(customers),
    )


def open_accounts(facts: BillingFacts, customer: CustomerId, now: Instant) -> list[OpenAccount]:
    """By period. Raises what an account that cannot be planned raises."""
    running: dict[tuple[Period, Period], list[tuple[Subscription, Period]]] = {}
    earlier_open = False
    for subscription in facts.catalog.subscriptions_of(customer):
        if not subscription.phases or subscription.phases[0].start > now:
            continue
        calendar = calendar_of(facts.catalog, subscription, facts.defaults)
        done = facts.billed.get(subscription.key, ())
        holding = calendar.at(now)
        if holding.period.start > subscription.phases[0].start:
            before = calendar.at(Instant(holding.period.start - 1)).period
            earlier_open |= is_active(subscription, before) and any(
                True for _ in unbilled_parts(before, done)
            )
        if not is_active(subscription, holding.period):
            continue
        for start, end in unbilled_parts(holding.period, done):
            if start <= now < end:
                key = (holding.period, Period(start, end))
                running.setdefault(key, []).append((subscription, holding.whole))
    return [
        _account(facts, customer, period, rest, found, earlier_open=earlier_open)
        for (period, rest), found in sorted(running.items(), key=lambda item: item[0])
    ]


def _account(
    facts: BillingFacts,
    customer: CustomerId,
    period: Period,
    rest: Period,
    found: Sequence[tuple[Subscription, Period]],
    *,
    earlier_open: bool,
) -> OpenAccount:
    policy = governing(facts.policies, rest.start)
    subscriptions, wholes = zip(*found, strict=True)
    account = DueAccount(customer, rest, subscriptions, wholes, policy or UNSIGNED, defaults=facts.defaults)
    return OpenAccount(after_interims(account, facts.interims), period, policy is not None, earlier_open)
