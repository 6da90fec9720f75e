"""Which accounts a close has to look at: every customer, period by period, and who needs no look and why."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.window import UsageRequest
from tieout.balance.movement import Movement
from tieout.close.account import AccountOutcome
from tieout.close.calendar import BillingCalendar, PeriodDefault, calendar_of, is_active
from tieout.close.off_cycle import Crossing
from tieout.close.outcome import NotDue, Parked
from tieout.contract.catalog import Catalog
from tieout.contract.subscription import Subscription
from tieout.flows.policy import PolicyState, governing
from tieout.invoice.billable import Billable
from tieout.invoice.discounts import Given
from tieout.invoice.earlier import EarlierLine, Scope
from tieout.invoice.invoice import KIND_FINAL
from tieout.kernel.errors import TieoutError
from tieout.kernel.ids import CustomerId, InvoiceId, SubscriptionId
from tieout.kernel.instant import HOUR_MICROSECONDS, Instant, format_instant
from tieout.kernel.period import Period
from tieout.ledger.standing import Standing

NO_POLICY = "no signed policy governs this period"
NO_POLICY_ACTION = (
    "have product, finance and ops sign a policy: it governs the periods that start once it is in force; "
    "bill this one outside, or move the subscription's start"
)
_Open = tuple[Period, Period]
"""What is to bill, and the whole period of the calendar it lies in."""
NOTHING_ADVANCED: Mapping[SubscriptionId, Sequence[Period]] = {}


@dataclass(frozen=True, slots=True)
class Carried:
    """Corrections of sealed periods that go with an account's paper: which report approved each (empty: the
    policy), the usage behind them, what they move, and how many papers and voids the customer had.
    `standing` is what stands in the ledger for the lines that they take up."""

    corrects: tuple[tuple[str, Period], ...] = ()
    requests: tuple[UsageRequest, ...] = ()
    snapshots: tuple[Snapshot, ...] = ()
    movements: tuple[Movement, ...] = ()
    papers_seen: int | None = None
    standing: tuple[Standing, ...] = ()


NOTHING_CARRIED = Carried()


@dataclass(frozen=True, slots=True)
class Running:
    """A period is looked at before its end: as of when, and what was billed once already."""

    as_of: Instant
    crossings: frozenset[Crossing]


@dataclass(frozen=True, slots=True)
class DueAccount:
    """One customer's period with the subscriptions that it has to bill, under the policy that governs it.

    `period` is what is still to bill; `wholes` are the calendar's periods it lies in, one per subscription.
    They are the same unless zone, anchor or cadence changed. `earlier` is what other papers of the period
    settled, `additions` what the invoice asks for beside its own charges; `defaults` what the policies say of
    periods. `running` only where the period has not ended; `interims_seen` are the interim invoices that were
    taken off, None where the policy allows none; `given` is what they gave of coupons, `gave` which.
    `carried` is what stands behind additions that correct; `replaces` are the numbers of voided papers in
    whose place the invoice comes.
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
    defaults: tuple[PeriodDefault, ...] = ()
    running: Running | None = None
    interims_seen: frozenset[InvoiceId] | None = None
    carried: Carried = NOTHING_CARRIED
    replaces: tuple[str, ...] = ()
    given: Given = field(default_factory=dict)
    gave: tuple[tuple[str, int], ...] = ()

    @property
    def elapsed(self) -> Period:
        """The period up to the instant whose profiles, coupons and taxes hold for the paper."""
        if self.running is None:
            return self.period
        return Period(self.period.start, Instant(self.running.as_of + 1))


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
    defaults = period_defaults(policies)
    for customer in customers:
        try:
            found, rest = _of_customer(
                catalog, policies, billed, advanced, defaults, customer=customer, as_of=as_of
            )
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
    defaults: tuple[PeriodDefault, ...],
    *,
    customer: CustomerId,
    as_of: Instant,
) -> tuple[list[DueAccount], list[AccountOutcome]]:
    calendars = [calendar_of(catalog, each, defaults) for each in catalog.subscriptions_of(customer)]
    ended: dict[Period, list[tuple[Subscription, Period]]] = {}
    for calendar in calendars:
        subscription = calendar.subscription
        done = billed.get(subscription.key, ())
        parts = _open_periods(calendar, done, as_of=as_of)
        parts += _left_with_a_fee(advanced.get(subscription.key, ()), calendar, done, as_of=as_of)
        for period, whole in parts:
            ended.setdefault(period, []).append((subscription, whole))
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
            due.append(DueAccount(customer, period, billable, wholes, policy, defaults=defaults))
    if not due and not outcomes:
        outcomes.append(AccountOutcome(customer, None, _not_due(calendars, policies, as_of)))
    return due, outcomes


def period_defaults(policies: Sequence[PolicyState]) -> tuple[PeriodDefault, ...]:
    """What the policies say of periods, each from when it is in force; without one, nothing is said."""
    since = sorted({state.in_force_from for state in policies if state.in_force_from is not None})
    found = []
    for instant in since:
        state = governing(policies, instant)
        assert state is not None, "one is in force from this instant"
        policy = state.policy
        found.append(PeriodDefault(instant, policy.cadence, policy.anchoring, policy.anchor_day))
    return tuple(found)


def _open_periods(calendar: BillingCalendar, done: Sequence[Period], *, as_of: Instant) -> list[_Open]:
    """What ended by `as_of` and is not sealed, with the period of the calendar it lies in.

    A stored end is the next start, even if a zone's rules changed since.
    """
    since = _sealed_until(calendar, done)
    return [
        (Period(start, end), found.whole)
        for found in calendar.begun(since=since, until=as_of)
        if found.period.end <= as_of
        for start, end in unbilled_parts(found.period, done)
    ]


def _sealed_until(calendar: BillingCalendar, done: Sequence[Period]) -> Instant | None:
    """The end of the periods that are sealed one after the other from the first on; None if that is not."""
    if not done:
        return None
    first = calendar.at(calendar.subscription.phases[0].start).period.start
    until = first
    for period in done:
        if period.start > until:
            break
        until = max(until, period.end)
    return None if until == first else until


def _left_with_a_fee(
    advanced: Sequence[Period], calendar: BillingCalendar, done: Sequence[Period], *, as_of: Instant
) -> list[_Open]:
    """Ended periods in which the subscription was never active, but whose fee was billed: to be credited."""
    return [
        (Period(start, end), period)
        for period in dict.fromkeys(advanced)
        if period.end <= as_of and not is_active(calendar.subscription, period)
        for start, end in unbilled_parts(period, done)
    ]


def unbilled_parts(period: Period, done: Sequence[Period]) -> Iterator[tuple[Instant, Instant]]:
    """The parts of the period that are not sealed yet. `done` is in order and disjoint."""
    start = period.start
    for sealed in done[bisect_right(done, period.start, key=lambda each: each.end) :]:
        if sealed.start >= period.end:
            break
        if start < sealed.start:
            yield start, sealed.start
        start = sealed.end
    if start < period.end:
        yield start, period.end


def stretches_of(accounts: Iterable[DueAccount]) -> list[Period]:
    """The time that the accounts' periods cover, as few stretches: an account that is due since long adds its
    own period, and not all since."""
    stretches: list[Period] = []
    for period in sorted({part for account in accounts for part in (account.period, *account.wholes)}):
        last = stretches[-1] if stretches else None
        if last is not None and period.start <= last.end:
            stretches[-1] = Period(last.start, max(last.end, period.end))
        else:
            stretches.append(period)
    return stretches


def _not_due(calendars: Sequence[BillingCalendar], policies: Sequence[PolicyState], as_of: Instant) -> NotDue:
    coming = []
    for calendar in calendars:
        found = calendar.next_end(as_of)
        if found is not None:
            policy = governing(policies, found.period.start)
            grace_hours = 0 if policy is None else policy.policy.grace_hours
            coming.append(Instant(found.period.end + grace_hours * HOUR_MICROSECONDS))
    return NotDue(min(coming, default=None))


def sealed_without(account: DueAccount) -> Parked:
    """The invoice of this period is sealed, and these subscriptions are not on it."""
    names = ", ".join(subscription.key for subscription in account.subscriptions)
    return Parked(
        f"the invoice of the period from {format_instant(account.period.start)} is sealed without {names}",
        "bill them by a correction; a sealed invoice does not change",
    )
