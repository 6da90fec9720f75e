"""Exposure: what the running period would cost if it ended now, and at its end at the rate so far.

Both are drafts of the period's final invoice, made by what drafts the real one, of usage as of a watermark:
with its fees, minimums, commitments, credits and taxes, less the interim invoices of the period. As of the
last instant of the period the exposure is what the close seals. Nothing is stored or sealed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tieout import __version__
from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.window import UsageRequest
from tieout.balance.movement import Movement
from tieout.balance.reversal import standing_movements
from tieout.close.coupons import coupons_of
from tieout.close.off_cycle import commitment_uses
from tieout.close.rating import usage_requests
from tieout.close.run_rate import METHOD, at_its_end
from tieout.close.segments import Segment, segments
from tieout.close.taxation import taxation_of
from tieout.flows.apply_catalog import NoSuchCustomer
from tieout.flows.asked import in_full
from tieout.flows.draft_accounts import parties_of, reference_of
from tieout.flows.draft_balances import moved_by
from tieout.flows.due_accounts import DueAccount
from tieout.flows.home import Home
from tieout.flows.live_usage import kept_snapshots
from tieout.flows.manual_lines import with_manual_lines
from tieout.flows.open_accounts import BillingFacts, OpenAccount, billing_facts, open_accounts
from tieout.flows.read_log import read_log
from tieout.invoice.draft import draft
from tieout.invoice.invoice import Invoice
from tieout.kernel.errors import NotFound, TieoutError
from tieout.kernel.ids import CustomerId, Watermark
from tieout.kernel.instant import Instant
from tieout.kernel.money import Currency, Money, zero
from tieout.kernel.period import Period
from tieout.kernel.quantity import Unmeasurable
from tieout.kernel.zone import tzdata_version
from tieout.rate.charge import Charge


class NothingRuns(NotFound):
    """The customer has no subscription whose period runs."""

    code = "nothing-runs"

    def __init__(self, customer: CustomerId) -> None:
        super().__init__(f"Customer {customer} has no billing period that runs now; nothing is exposed.")


@dataclass(frozen=True, slots=True)
class Cost:
    """One draft of the period's invoice. `interims`: the totals of the interim invoices of the period.
    `drawn` of `committed`: usage that counts towards commitments, in their money; zero of zero without
    one."""

    invoice: Invoice
    interims: Money
    drawn: Money
    committed: Money

    @property
    def due(self) -> Money:
        """What is left to pay of the period: after discounts, taxes, interim invoices and credits."""
        return self.invoice.due

    @property
    def spent(self) -> Money:
        """What the whole period costs: with what interim invoices asked, before credits pay for it."""
        return self.invoice.total + self.interims


@dataclass(frozen=True, slots=True)
class AccountExposure:
    """`projected` None: nothing of the period has elapsed, so there is no rate. `committed_over`: from the
    first to the last day of the commitments' terms, or the period where each period has its own."""

    period: Period
    committed_over: Period
    now: Cost
    projected: Cost | None
    is_signed: bool
    earlier_open: bool


@dataclass(frozen=True, slots=True)
class Exposure:
    """One customer's accounts whose period runs, with usage up to the end of batch `watermark`."""

    customer: CustomerId
    watermark: Watermark
    at: Instant
    accounts: tuple[AccountExposure, ...]
    method: str = METHOD


@dataclass(frozen=True, slots=True)
class _Planned:
    open: OpenAccount
    segments: tuple[Segment, ...]
    requests: tuple[UsageRequest, ...]


def exposure(home: Home, customer: CustomerId) -> Exposure:
    """As of now. Raises `NoSuchCustomer`, `NothingRuns`, `NothingInForce`, `Unmeasurable`."""
    facts = billing_facts(home, [customer])
    if customer not in facts.catalog.customers:
        raise NoSuchCustomer(customer)
    now, head = home.clock.now(), home.log.head()
    (found,) = exposures(home, facts, [customer], now=now, watermark=head)
    if isinstance(found, TieoutError):
        raise found
    if not found.accounts:
        raise NothingRuns(customer)
    return found


def exposures(
    home: Home, facts: BillingFacts, customers: Sequence[CustomerId], *, now: Instant, watermark: Watermark
) -> list[Exposure | TieoutError]:
    """One for each customer, in order; or why it cannot be told. As of `watermark`, or of the later one that
    live usage stands at; what is not kept is counted over the log, once for all."""
    plans: list[list[_Planned] | TieoutError] = []
    for customer in customers:
        try:
            plans.append(_plans(home, facts, customer, now))
        except TieoutError as error:
            plans.append(error)
    requests = [
        request
        for planned in plans
        if not isinstance(planned, TieoutError)
        for each in planned
        for request in each.requests
    ]
    watermark, measured_all = _measured(home, requests, watermark)
    answers = iter(measured_all)
    found: list[Exposure | TieoutError] = []
    for customer, planned in zip(customers, plans, strict=True):
        if isinstance(planned, TieoutError):
            found.append(planned)
            continue
        measured = [[next(answers) for _ in each.requests] for each in planned]
        try:
            accounts = tuple(
                _account(facts, plan, mine, now, watermark)
                for plan, mine in zip(planned, measured, strict=True)
            )
            found.append(Exposure(customer, watermark, now, accounts))
        except TieoutError as error:
            found.append(error)
    return found


def _measured(
    home: Home, requests: Sequence[UsageRequest], since: Watermark
) -> tuple[Watermark, list[Snapshot | Unmeasurable]]:
    watermark, kept = kept_snapshots(home, requests, since)
    missing = [request for request, one in zip(requests, kept, strict=True) if one is None]
    counted = iter(
        read_log(
            home, lambda manifest: list(home.engine.measure_each(missing, manifest)), watermark=watermark
        )
        if missing
        else ()
    )
    return watermark, [next(counted) if one is None else one for one in kept]


def _plans(home: Home, facts: BillingFacts, customer: CustomerId, now: Instant) -> list[_Planned]:
    planned = []
    for each in open_accounts(facts, customer, now):
        listed, refused = with_manual_lines(home, facts.catalog, [each.account])
        account = each.account if refused else listed[0]
        found = tuple(
            segment
            for subscription, whole in zip(account.subscriptions, account.wholes, strict=True)
            for segment in segments(facts.catalog, subscription, whole, account.period)
        )
        one = OpenAccount(account, each.period, each.is_signed, each.earlier_open)
        planned.append(_Planned(one, found, tuple(usage_requests(facts.catalog, found))))
    return planned


def _account(
    facts: BillingFacts,
    plan: _Planned,
    answers: Sequence[Snapshot | Unmeasurable],
    now: Instant,
    watermark: Watermark,
) -> AccountExposure:
    snapshots: list[Snapshot] = []
    for answer in answers:
        if isinstance(answer, Unmeasurable):
            raise answer
        snapshots.append(answer)
    period = plan.open.account.period
    grown = [
        at_its_end(snapshot, request.meter.aggregation, now=now)
        for request, snapshot in zip(plan.requests, snapshots, strict=True)
    ]
    has_begun = period.start < now
    return AccountExposure(
        plan.open.period,
        _committed_over(plan.open, now),
        _cost(facts, plan, snapshots, watermark),
        _cost(facts, plan, grown, watermark) if has_begun else None,
        plan.open.is_signed,
        plan.open.earlier_open,
    )


def _committed_over(account: OpenAccount, now: Instant) -> Period:
    terms = [
        Period(each.start, each.end)
        for subscription in account.account.subscriptions
        for each in subscription.commitments
        if each.billing != "each_period" and each.start <= now < each.end
    ]
    if not terms:
        return account.period
    return Period(min(term.start for term in terms), max(term.end for term in terms))


def _cost(facts: BillingFacts, plan: _Planned, snapshots: Sequence[Snapshot], watermark: Watermark) -> Cost:
    account, catalog = plan.open.account, facts.catalog
    customer, seller = parties_of(catalog, account)
    opening = standing_movements(facts.movements.get(account.customer, ()))
    asked = in_full(catalog, account, plan.segments, snapshots, opening)
    invoice = draft(
        customer=customer,
        seller=seller,
        period=account.period,
        charges=asked.charges,
        cutoff=watermark,
        policy=reference_of(account),
        tzdata_version=tzdata_version(),
        software_version=__version__,
        coupons=coupons_of(
            catalog, customer, account.subscriptions, account.period, defaults=account.defaults
        ),
        taxation=taxation_of(catalog, customer, seller, account.period),
        earlier=account.earlier,
        additions=account.additions,
        given=account.given,
    )
    invoice, _ = moved_by(invoice, asked.fees, asked.commitments, opening)
    money = invoice.currency
    sealed = [
        each.invoice
        for each in facts.interims.get(account.customer, ())
        if each.stands and each.invoice.period.overlaps(account.period)
    ]
    interims = sum((Money(each.total_minor, money) for each in sealed), zero(money))
    return Cost(invoice, interims, *_drawn(account, asked.charges, opening, money))


def _drawn(
    account: DueAccount, charges: Sequence[Charge], opening: tuple[Movement, ...], money: Currency
) -> tuple[Money, Money]:
    """Of all commitments of the account together."""
    uses = [
        use
        for subscription, whole in zip(account.subscriptions, account.wholes, strict=True)
        for use in commitment_uses(
            subscription,
            [charge for charge in charges if charge.subscription == subscription.key],
            opening,
            whole=whole,
            period=account.period,
            money=money,
        )
    ]
    used, committed = sum(use.used for use in uses), sum(use.committed for use in uses)
    return Money(used, money), Money(committed, money)
