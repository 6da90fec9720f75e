"""Which accounts a close has to look at: every customer, period by period, and who needs no look and why."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.window import UsageRequest
from tieout.balance.movement import Movement
from tieout.close.account import AccountOutcome
from tieout.close.calendar import anchor_of, cadence_of, due_periods, next_due_at
from tieout.close.outcome import NotDue, Parked
from tieout.contract.catalog import Catalog
from tieout.contract.party import Customer
from tieout.contract.subscription import Subscription
from tieout.flows.policy import PolicyState, governing
from tieout.invoice.billable import Billable
from tieout.invoice.earlier import EarlierLine, Scope
from tieout.invoice.invoice import KIND_FINAL
from tieout.kernel.cadence import Cadence
from tieout.kernel.calendar import period_at
from tieout.kernel.errors import TieoutError
from tieout.kernel.ids import CustomerId, SubscriptionId
from tieout.kernel.instant import HOUR_MICROSECONDS, Instant, format_instant
from tieout.kernel.period import Period

NO_POLICY = "no signed policy governs this period"
NO_POLICY_ACTION = (
    "have product, finance and ops sign a policy: it governs the periods that start once it is in force; "
    "bill this one outside, or move the subscription's start"
)
NOTHING_ADVANCED: Mapping[SubscriptionId, Sequence[Period]] = {}


@dataclass(frozen=True, slots=True)
class Carried:
    """Corrections of sealed periods that go with an account's paper: which report approved each (empty: the
    policy), the usage behind them, and what they move."""

    corrects: tuple[tuple[str, Period], ...] = ()
    requests: tuple[UsageRequest, ...] = ()
    snapshots: tuple[Snapshot, ...] = ()
    movements: tuple[Movement, ...] = ()


NOTHING_CARRIED = Carried()


@dataclass(frozen=True, slots=True)
class DueAccount:
    """One customer's period with the subscriptions that it has to bill, under the policy that governs it.

    `period` is what is still to bill; `wholes` are the calendar's periods it lies in, one per subscription.
    They are the same unless zone, anchor or cadence changed after a period was sealed. `earlier` is what
    other papers of the period settled, `additions` what the invoice asks for beside its own charges;
    `carried` is what stands behind those that correct. `replaces`: the numbers of voided papers in whose
    place it comes.
    """

    customer: CustomerId
    period: Period
    subscriptions: tuple[Subscription, ...]
    wholes: tuple[Period, ...]
    policy: PolicyState
    kind: str = KIND_FINAL
    sequence: int = 1
    earlier: Mapping[Scope, tuple[EarlierLine, ...]] = field(default_factory=dict)
    additions: tuple[Billable, ...] = ()
    carried: Carried = NOTHING_CARRIED
    replaces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Agenda:
    """What is due, and the outcome of everything that is not."""

    due: tuple[DueAccount, ...]
    outcomes: tuple[AccountOutcome, ...]


def agenda(
    catalog: Catalog,
    policies: Sequence[PolicyState],
    billed: Mapping[SubscriptionId, Sequence[Period]],
    *,
    customers: Sequence[CustomerId],
    as_of: Instant,
    advanced: Mapping[SubscriptionId, Sequence[Period]] = NOTHING_ADVANCED,
) -> Agenda:
    """The accounts of these customers, by customer and period. One that cannot be planned is parked.

    `advanced`: periods whose fee was billed in advance and is open; they are due even if nothing was used.
    """
    due: list[DueAccount] = []
    outcomes: list[AccountOutcome] = []
    for customer in customers:
        try:
            found, rest = _of_customer(catalog, policies, billed, advanced, customer=customer, as_of=as_of)
        except TieoutError as error:
            found, rest = (
                [],
                [AccountOutcome(customer, None, Parked(str(error), "correct the catalog, then close again"))],
            )
        due += found
        outcomes += rest
    return Agenda(tuple(due), tuple(outcomes))


def _of_customer(
    catalog: Catalog,
    policies: Sequence[PolicyState],
    billed: Mapping[SubscriptionId, Sequence[Period]],
    advanced: Mapping[SubscriptionId, Sequence[Period]],
    *,
    customer: CustomerId,
    as_of: Instant,
) -> tuple[list[DueAccount], list[AccountOutcome]]:
    profile = catalog.customers.versions(customer)[-1]
    subscriptions = catalog.subscriptions_of(customer)
    ended: dict[Period, list[tuple[Subscription, Period]]] = {}
    for subscription in subscriptions:
        done = billed.get(subscription.key, ())
        parts = _ended(catalog, profile, subscription, policies, as_of=as_of)
        parts += _left_with_a_fee(advanced.get(subscription.key, ()), parts, as_of=as_of)
        for period, part in parts:
            rest = _unbilled(part, done)
            if rest is not None:
                ended.setdefault(rest, []).append((subscription, period))
    due: list[DueAccount] = []
    outcomes: list[AccountOutcome] = []
    for period, found in sorted(ended.items(), key=lambda item: item[0]):
        policy = governing(policies, period.start)
        if policy is None:
            outcomes.append(AccountOutcome(customer, period, Parked(NO_POLICY, NO_POLICY_ACTION)))
            continue
        due_at = Instant(period.end + policy.policy.grace_hours * HOUR_MICROSECONDS)
        if due_at > as_of:
            outcomes.append(AccountOutcome(customer, period, NotDue(due_at)))
        else:
            billable, wholes = zip(*found, strict=True)
            due.append(DueAccount(customer, period, billable, wholes, policy))
    if not due and not outcomes:
        outcomes.append(
            AccountOutcome(customer, None, _not_due(catalog, profile, subscriptions, policies, as_of))
        )
    return due, outcomes


@dataclass(frozen=True, slots=True)
class _Stretch:
    """The periods that start in `[start, until)` step by `cadence`; None: without that bound."""

    start: Instant | None
    until: Instant | None
    cadence: Cadence


def _stretches(
    catalog: Catalog, profile: Customer, subscription: Subscription, policies: Sequence[PolicyState]
) -> list[_Stretch]:
    """The policy in force when a period starts governs it to its end; only then another cadence begins."""
    since = sorted({state.in_force_from for state in policies if state.in_force_from is not None})
    found: list[_Stretch] = []
    start: Instant | None = None
    for place, instant in enumerate(since or [None]):
        policy = None if instant is None else governing(policies, instant)
        cadence = Cadence.MONTHLY if policy is None else policy.policy.cadence
        until = since[place + 1] if place + 1 < len(since) else None
        if start is not None and until is not None and until <= start:
            continue
        found.append(_Stretch(start, until, cadence))
        if until is not None:
            anchor = anchor_of(profile, cadence_of(catalog, subscription, cadence))
            start = period_at(anchor, Instant(until - 1)).end
    return found


def _ended(
    catalog: Catalog,
    profile: Customer,
    subscription: Subscription,
    policies: Sequence[PolicyState],
    *,
    as_of: Instant,
) -> list[tuple[Period, Period]]:
    """The calendar's periods that ended, each with the part of it that no earlier cadence has covered."""
    found = []
    for stretch in _stretches(catalog, profile, subscription, policies):
        for period in due_periods(
            catalog,
            profile,
            subscription,
            policy_cadence=stretch.cadence,
            grace_hours=0,
            since=None,
            as_of=as_of,
        ):
            start = period.start if stretch.start is None else max(period.start, stretch.start)
            if start < period.end and (stretch.until is None or start < stretch.until):
                found.append((period, Period(start, period.end)))
    return found


def _left_with_a_fee(
    advanced: Sequence[Period], parts: Sequence[tuple[Period, Period]], *, as_of: Instant
) -> list[tuple[Period, Period]]:
    """Ended periods in which the subscription was never active, but whose fee was billed: to be credited."""
    return [
        (period, period)
        for period in dict.fromkeys(advanced)
        if period.end <= as_of and not any(part.overlaps(period) for _, part in parts)
    ]


def _unbilled(period: Period, billed: Sequence[Period]) -> Period | None:
    """What of the period is not sealed yet: a stored end is the next start, even if a zone's rules changed
    since. `billed` is in order and disjoint.
    """
    place = bisect_left(billed, period.end, key=lambda done: done.start)
    start = max(period.start, billed[place - 1].end) if place else period.start
    return Period(start, period.end) if start < period.end else None


def cadence_at(
    catalog: Catalog,
    profile: Customer,
    subscription: Subscription,
    policies: Sequence[PolicyState],
    instant: Instant,
) -> Cadence:
    """Of plans that name none: that of the policy in force when the period that holds the instant starts."""
    begun = [
        stretch.cadence
        for stretch in _stretches(catalog, profile, subscription, policies)
        if stretch.start is None or stretch.start <= instant
    ]
    return begun[-1]


def _not_due(
    catalog: Catalog,
    profile: Customer,
    subscriptions: Sequence[Subscription],
    policies: Sequence[PolicyState],
    as_of: Instant,
) -> NotDue:
    policy = governing(policies, as_of)
    coming = [
        next_due_at(
            catalog,
            profile,
            subscription,
            policy_cadence=cadence_at(catalog, profile, subscription, policies, as_of),
            grace_hours=0 if policy is None else policy.policy.grace_hours,
            since=None,
            as_of=as_of,
        )
        for subscription in subscriptions
    ]
    return NotDue(min((instant for instant in coming if instant is not None), default=None))


def sealed_without(account: DueAccount) -> Parked:
    """The invoice of this period is sealed, and these subscriptions are not on it."""
    names = ", ".join(subscription.key for subscription in account.subscriptions)
    return Parked(
        f"the invoice of the period from {format_instant(account.period.start)} is sealed without {names}",
        "bill them by a correction; a sealed invoice does not change",
    )
