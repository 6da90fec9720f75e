"""Accounts whose period still runs and that the signed policy lets be billed inside it, and what interim
invoices settled of the periods that a close bills."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from tieout.close.account import AccountOutcome
from tieout.close.calendar import calendar_of, is_active
from tieout.close.off_cycle import is_eligible
from tieout.close.outcome import NotDue, Parked
from tieout.close.segments import segments
from tieout.contract.catalog import Catalog
from tieout.contract.subscription import Subscription
from tieout.evidence.given import coupons_given, coupons_named
from tieout.evidence.stored_interims import StoredInterim
from tieout.flows.due_accounts import DueAccount, Running, period_defaults, unbilled_parts
from tieout.flows.home import Home
from tieout.flows.policy import PolicyState, governing
from tieout.invoice.earlier import EarlierLine, Scope
from tieout.invoice.invoice import KIND_INTERIM
from tieout.invoice.off_cycle import parse_off_cycle
from tieout.kernel.errors import TieoutError
from tieout.kernel.ids import CustomerId, SubscriptionId
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period

Interims = Mapping[CustomerId, tuple[StoredInterim, ...]]
NO_INTERIMS: Interims = {}


def interims_of(home: Home, policies: Iterable[PolicyState], customers: Sequence[CustomerId]) -> Interims:
    """Those sealed for the customers; nothing is read where no policy ever allowed one."""
    if any(state.policy.off_cycle is not None for state in policies):
        return home.books.interims.of(customers)
    return NO_INTERIMS


def after_interims(account: DueAccount, interims: Interims) -> DueAccount:
    """The account with the lines that interim invoices of its period settled."""
    known = interims.get(account.customer, ())
    if account.policy.policy.off_cycle is None and not known:
        return account
    ours = {subscription.key for subscription in account.subscriptions}
    earlier: dict[Scope, tuple[EarlierLine, ...]] = dict(account.earlier)
    for interim in known:
        for line in interim.lines if interim.stands else ():
            scope = line.scope
            if scope.subscription in ours and account.period.contains(scope.segment_start):
                earlier[scope] = (*earlier.get(scope, ()), line.settled)
    seen = frozenset(
        each.invoice.id for each in known if each.stands and each.invoice.period.overlaps(account.period)
    )
    papers = [each.invoice for each in known if each.stands]
    return replace(
        account,
        earlier=earlier,
        interims_seen=seen,
        given=coupons_given(papers),
        gave=coupons_named(papers),
    )


def running_accounts(
    catalog: Catalog,
    policies: Sequence[PolicyState],
    billed: Mapping[SubscriptionId, Sequence[Period]],
    interims: Interims,
    *,
    customers: Sequence[CustomerId],
    as_of: Instant,
    waiting: Collection[CustomerId],
) -> tuple[list[DueAccount], list[AccountOutcome]]:
    """The accounts to look at inside their period, and those that cannot be looked at. Not those of `waiting`
    customers: balances go from an earlier period to this one, and the earlier one is not closed yet."""
    if all(state.policy.off_cycle is None for state in policies):
        return [], []
    found: list[DueAccount] = []
    outcomes: list[AccountOutcome] = []
    for customer in customers:
        if customer in waiting:
            continue
        try:
            for account in _of_customer(catalog, policies, billed, customer, as_of):
                found.append(_numbered(after_interims(account, interims), interims.get(customer, ()), as_of))
        except (TieoutError, ValueError, KeyError, TypeError) as error:
            reason = f"whether it is to be billed inside its period cannot be told: {error}"
            outcomes.append(
                AccountOutcome(customer, None, Parked(reason, "correct the cause, then close again"))
            )
    return found, outcomes


def waiting_customers(outcomes: Iterable[AccountOutcome], moved: Collection[CustomerId]) -> set[CustomerId]:
    """Customers with balances and a period that ended and waits out its grace."""
    return {
        each.customer
        for each in outcomes
        if each.period is not None and isinstance(each.outcome, NotDue) and each.customer in moved
    }


def _of_customer(
    catalog: Catalog,
    policies: Sequence[PolicyState],
    billed: Mapping[SubscriptionId, Sequence[Period]],
    customer: CustomerId,
    as_of: Instant,
) -> list[DueAccount]:
    defaults = period_defaults(policies)
    running: dict[Period, list[tuple[Subscription, Period]]] = {}
    for subscription in catalog.subscriptions_of(customer):
        if not subscription.phases or subscription.phases[0].start > as_of:
            continue
        holding = calendar_of(catalog, subscription, defaults).at(as_of)
        if not is_active(subscription, holding.period):
            continue
        for start, end in unbilled_parts(holding.period, billed.get(subscription.key, ())):
            if start <= as_of < end:
                running.setdefault(Period(start, end), []).append((subscription, holding.whole))
    accounts = []
    for period, found in sorted(running.items(), key=lambda item: item[0]):
        policy = governing(policies, period.start)
        rule = None if policy is None else policy.policy.off_cycle
        if policy is None or rule is None:
            continue
        parts = (
            part
            for subscription, whole in found
            for part in segments(catalog, subscription, whole, period)
            if part.part.start <= as_of
        )
        if is_eligible(rule, customer, parts):
            subscriptions, wholes = zip(*found, strict=True)
            accounts.append(
                DueAccount(
                    customer, period, subscriptions, wholes, policy, kind=KIND_INTERIM, defaults=defaults
                )
            )
    return accounts


def _numbered(account: DueAccount, known: Sequence[StoredInterim], as_of: Instant) -> DueAccount:
    """With the next sequence of its period, and the crossings that stand billed, of this period or before."""
    used = [each.invoice.sequence for each in known if each.invoice.period == account.period]
    crossings = frozenset(
        fact.crossing
        for each in known
        if each.stands and (reason := parse_off_cycle(each.invoice.document)) is not None
        for fact in reason.facts
    )
    return replace(account, sequence=max(used, default=0) + 1, running=Running(as_of, crossings))
