"""Drafts all due accounts at once: measure and recount in one sweep, then rate, draft and reconcile each
alone.

What goes wrong on one account parks that account; the others go on (L15).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from tieout import __version__
from tieout.aggregate.recount import Recount
from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.window import UsageRequest
from tieout.balance.movement import Movement
from tieout.close.account import AccountOutcome
from tieout.close.coupons import coupons_of
from tieout.close.interim import interim_segments
from tieout.close.outcome import Held, Parked
from tieout.close.period_zone import profile_of
from tieout.close.rating import usage_requests
from tieout.close.reconcile import reconcile
from tieout.close.reconcile_balances import balance_breaks
from tieout.close.reconcile_cycle import NOTHING_HELD, CycleTies
from tieout.close.reconcile_ledger import ledger_breaks
from tieout.close.segments import NothingInForce, Segment, segments
from tieout.close.taxation import taxation_of
from tieout.contract.catalog import Catalog
from tieout.contract.party import Customer, Seller
from tieout.evidence.stored import ReviewedDraft
from tieout.flows.approve_meter import ChangeByVersion, parked_for
from tieout.flows.asked import Asked, Measured, asked_of
from tieout.flows.counted_twice import counted_twice
from tieout.flows.draft_balances import (
    WAITS,
    BalanceChain,
    bills_ahead,
    fees_ahead,
    moved_by,
)
from tieout.flows.due_accounts import DueAccount
from tieout.flows.sealed_usage import SealedSpans, sealed_twice
from tieout.invoice.discounts import GrantedCoupon
from tieout.invoice.draft import draft
from tieout.invoice.draft import moved as status_moved
from tieout.invoice.entries import proposed_entries
from tieout.invoice.invoice import Invoice, MeterApproval, PolicyReference
from tieout.invoice.status import Act
from tieout.kernel.errors import TieoutError, Unavailable
from tieout.kernel.ids import CustomerId, InvoiceId, SubscriptionId, Watermark
from tieout.kernel.instant import Instant
from tieout.kernel.money import currency
from tieout.kernel.period import Period
from tieout.kernel.quantity import Unmeasurable
from tieout.kernel.zone import tzdata_version
from tieout.ledger.entry import Entry
from tieout.ports import LogManifest, UsageEngine
from tieout.rate.charge import Charge

PARKED_ACTION = "correct the cause, then run the close again; nothing was billed for this period"


@dataclass(frozen=True, slots=True)
class ReadyAccount:
    """A reconciled draft with the requests and snapshots behind it; it may be sealed.

    `movements` go with it, as long as the customer still has the `movements_seen` that it was worked out
    from. `reviewed` is the stored draft that it must be the same as, if its policy asks for a review.
    `entries` are proposed; the seal posts them.
    """

    account: DueAccount
    invoice: Invoice
    requests: tuple[UsageRequest, ...]
    snapshots: tuple[Snapshot, ...]
    movements: tuple[Movement, ...] = ()
    movements_seen: int = 0
    reviewed: ReviewedDraft | None = None
    entries: tuple[Entry, ...] = ()

    @property
    def id(self) -> InvoiceId:
        return self.invoice.id

    @property
    def rows(self) -> int:
        """How many rows its seal writes."""
        posted = sum(1 + len(entry.postings) for entry in self.entries)
        return 1 + len(self.snapshots) + 2 * len(self.invoice.lines) + len(self.movements) + posted

    @property
    def billed(self) -> frozenset[SubscriptionId]:
        """The subscriptions that its lines are for."""
        return frozenset(line.charge.subscription for line in self.invoice.lines)


@dataclass(frozen=True, slots=True)
class _Planned:
    """An account with its segments, what has to be measured for them, and who approved the meters."""

    account: DueAccount
    segments: tuple[Segment, ...]
    requests: tuple[UsageRequest, ...]
    approvals: tuple[MeterApproval, ...]


@dataclass(frozen=True, slots=True)
class MeasuredAccounts:
    """Accounts with what was measured and counted again for each, in the order in which balances go on;
    `parked` are those that could not even be measured. `firsts` says where the answers of each begin."""

    catalog: Catalog
    parked: tuple[AccountOutcome, ...]
    planned: tuple[_Planned, ...]
    firsts: tuple[int, ...]
    answers: Sequence[Snapshot | Unmeasurable]
    recounts: Sequence[Recount]
    cutoff: Watermark
    sealed: SealedSpans
    chain: BalanceChain
    behind: frozenset[tuple[CustomerId, Period]]
    cycle: CycleTies

    def drafts(self, first: int, end: int) -> Iterator[ReadyAccount | AccountOutcome]:
        """What comes of the planned accounts from `first` to before `end`, in order; those of a customer
        belong together, since balances go on from one to the next. Nothing comes of a period that runs and
        is not to be billed inside."""
        chain = self.chain
        for place in range(first, end):
            plan = self.planned[place]
            answers, recounts = self._answers(place)
            customer = plan.account.customer
            if (customer, plan.account.period) in self.behind:
                chain.stopped.add(customer)
            opening, seen, at = chain.opening(customer), chain.seen(customer), self.cutoff
            drafted = _draft(
                self.catalog, plan, answers, recounts, at, self.sealed, opening, seen, self.cycle
            )
            if drafted is None:
                continue
            if isinstance(drafted, ReadyAccount) and chain.waits(customer, drafted.movements):
                drafted = WAITS
            if isinstance(drafted, ReadyAccount):
                chain.moves(customer, drafted.movements)
                yield drafted
            else:
                chain.stopped.add(customer)
                yield AccountOutcome(customer, plan.account.period, drafted)

    def _answers(self, place: int) -> tuple[Sequence[Snapshot | Unmeasurable], Sequence[Recount]]:
        answered = slice(self.firsts[place], self.firsts[place + 1])
        return self.answers[answered], self.recounts[answered]


def draft_accounts(
    engine: UsageEngine,
    catalog: Catalog,
    accounts: Sequence[DueAccount],
    manifest: LogManifest,
    *,
    sealed: SealedSpans,
    meter_changes: ChangeByVersion,
    recorded: Mapping[CustomerId, tuple[Movement, ...]],
    behind: frozenset[tuple[CustomerId, Period]] = frozenset(),
    cycle: CycleTies = NOTHING_HELD,
) -> tuple[list[ReadyAccount], list[AccountOutcome]]:
    """The drafts that tie, and the outcome of every account that is held or parked; no account is billed by a
    meter version that its owner has not signed.

    `sealed` is usage that no other subscription may bill again, `recorded` the movements of the customers'
    balances. Before the accounts that are `behind` a period is not sealed, so balances cannot go on. `cycle`
    is what holds every invoice of a period, and what would but for a waiver.
    """
    measured = measure_accounts(
        *(engine, catalog, accounts, manifest),
        sealed=sealed,
        meter_changes=meter_changes,
        recorded=recorded,
        behind=behind,
        cycle=cycle,
    )
    drafted = [*measured.drafts(0, len(measured.planned))]
    ready = [each for each in drafted if isinstance(each, ReadyAccount)]
    return ready, [*measured.parked, *(each for each in drafted if isinstance(each, AccountOutcome))]


def measure_accounts(
    engine: UsageEngine,
    catalog: Catalog,
    accounts: Sequence[DueAccount],
    manifest: LogManifest,
    *,
    sealed: SealedSpans,
    meter_changes: ChangeByVersion,
    recorded: Mapping[CustomerId, tuple[Movement, ...]],
    behind: frozenset[tuple[CustomerId, Period]] = frozenset(),
    cycle: CycleTies = NOTHING_HELD,
    planned: Callable[[Sequence[tuple[DueAccount, Sequence[UsageRequest]]]], None] | None = None,
) -> MeasuredAccounts:
    """The same with their usage, each still to be drafted; the log is not needed any more. What is to be
    measured is told to `planned` beforehand."""
    parked: list[AccountOutcome] = []
    plans: list[_Planned] = []
    ahead = bills_ahead(catalog)
    chain = BalanceChain(recorded)
    for account in sorted(accounts, key=_order):
        plan = _plan(catalog, account, meter_changes, ahead=ahead)
        if isinstance(plan, Parked):
            parked.append(AccountOutcome(account.customer, account.period, plan))
            chain.stopped.add(account.customer)
        else:
            plans.append(plan)
    if planned is not None:
        planned([(plan.account, plan.requests) for plan in plans])
    requests = [request for plan in plans for request in plan.requests]
    answers, recounts = counted_twice(engine, requests, manifest)
    return MeasuredAccounts(
        catalog,
        tuple(parked),
        tuple(plans),
        (0, *accumulate(len(plan.requests) for plan in plans)),
        answers,
        recounts,
        manifest.watermark,
        sealed,
        chain,
        behind,
        cycle,
    )


def parked_by(error: Exception) -> Parked:
    """The outcome of an account that an error stopped."""
    reason = str(error) if isinstance(error, TieoutError) else f"{type(error).__name__}: {error}"
    return Parked(reason, PARKED_ACTION)


def _order(account: DueAccount) -> tuple[CustomerId, Instant, Instant]:
    """Balances go from the period that ends first to the next."""
    return account.customer, account.period.end, account.period.start


def _plan(
    catalog: Catalog, account: DueAccount, meter_changes: ChangeByVersion, *, ahead: bool
) -> _Planned | Parked:
    try:
        found = [
            segment
            for subscription, whole in zip(account.subscriptions, account.wholes, strict=True)
            for segment in segments(catalog, subscription, whole, account.period)
        ]
        if account.running is not None:
            found = interim_segments(found, as_of=account.running.as_of)
        elif ahead:
            found += fees_ahead(catalog, account)
        approvals: dict[MeterApproval, None] = {}
        for meter in (segment.meter for segment in found if segment.meter is not None):
            change = meter_changes.get((meter.key, meter.version))
            if change is not None and change.signature is None:
                return parked_for(change)
            if change is not None and (by := change.signature) is not None:
                approvals[MeterApproval(meter.key, meter.version, by.person, by.key_id)] = None
        return _Planned(account, tuple(found), tuple(usage_requests(catalog, found)), tuple(approvals))
    except Unavailable:
        raise
    except Exception as error:  # noqa: BLE001 - one account's failure may not stop the others (L15)
        return parked_by(error)


def _draft(
    catalog: Catalog,
    plan: _Planned,
    answers: Sequence[Snapshot | Unmeasurable],
    recounts: Sequence[Recount],
    cutoff: Watermark,
    sealed: SealedSpans,
    opening: tuple[Movement, ...],
    seen: int,
    cycle: CycleTies,
) -> ReadyAccount | Held | Parked | None:
    """None where the period runs and is not to be billed inside."""
    account = plan.account
    try:
        customer, seller = parties_of(catalog, account)
        measured = _measured(plan.requests, answers, recounts)
        money = currency(customer.currency)
        carried = account.carried
        known, opening = opening, (*opening, *carried.movements)
        asked = asked_of(catalog, account, plan.segments, measured, opening, money)
        if asked is None:
            return None
        invoice = _invoice(catalog, plan, asked, cutoff, customer=customer, seller=seller)
        if waived := cycle.waived(account.elapsed):
            invoice = replace(invoice, waived=waived)
        invoice, moved = moved_by(invoice, asked.fees, asked.commitments, known, corrected=carried.movements)
        rated, corrected = _ties(asked.charges, account)
        requests = tuple(request for request, _, _ in asked.measured)
        snapshots = tuple(snapshot for _, snapshot, _ in asked.measured)
        recounted = [recount for _, _, recount in asked.measured]
        breaks = reconcile(invoice, rated, snapshots, recounted, requests, corrected)
        breaks += sealed_twice(requests, sealed)
        breaks += balance_breaks(invoice, known, moved)
        entries = proposed_entries(invoice, moved, known, carried.standing)
        breaks += ledger_breaks(invoice, moved, known, entries, carried.standing)
        hold_on = account.policy.policy.hold_on
        breaks += cycle.of_account(account.customer, account.elapsed, hold_on=hold_on)
    except Unavailable:
        raise
    except Exception as error:  # noqa: BLE001 - one account's failure may not stop the others (L15)
        return parked_by(error)
    if breaks:
        return Held(invoice.id, tuple(breaks), status_moved(invoice, Act.BROKEN))
    reconciled = status_moved(invoice, Act.RECONCILED)
    return ReadyAccount(
        account,
        reconciled,
        (*requests, *carried.requests),
        (*snapshots, *carried.snapshots),
        moved,
        movements_seen=seen,
        entries=entries,
    )


def _invoice(
    catalog: Catalog, plan: _Planned, asked: Asked, cutoff: Watermark, *, customer: Customer, seller: Seller
) -> Invoice:
    account = plan.account
    found = draft(
        customer=customer,
        seller=seller,
        period=account.period,
        charges=asked.charges,
        cutoff=cutoff,
        policy=reference_of(account),
        tzdata_version=tzdata_version(),
        software_version=__version__,
        coupons=_coupons(catalog, account, customer),
        taxation=taxation_of(catalog, customer, seller, account.elapsed),
        kind=account.kind,
        sequence=account.sequence,
        earlier=account.earlier,
        additions=account.additions,
        off_cycle=asked.off_cycle,
        given=account.given,
        gave=[each for key, of in account.gave if (each := catalog.coupons.version(key, of)) is not None],
        replaces=account.replaces,
    )
    return replace(found, approvals=plan.approvals) if plan.approvals else found


def _ties(asked: Sequence[Charge], account: DueAccount) -> tuple[list[Charge], list[Charge]]:
    """The charges whose usage ties with this draft, and those of corrections, which tied before."""
    added = [each.charge for each in account.additions if each.correction is None]
    return [*asked, *added], [each.charge for each in account.additions if each.correction is not None]


def _measured(
    requests: Sequence[UsageRequest],
    answers: Sequence[Snapshot | Unmeasurable],
    recounts: Sequence[Recount],
) -> list[Measured]:
    """Raises what made an answer unmeasurable."""
    found = []
    for request, answer, recount in zip(requests, answers, recounts, strict=True):
        if isinstance(answer, Unmeasurable):
            raise answer
        found.append((request, answer, recount))
    return found


def _coupons(catalog: Catalog, account: DueAccount, customer: Customer) -> list[GrantedCoupon]:
    """A sum of money is for the whole period, and taken off at its end."""
    found = coupons_of(catalog, customer, account.subscriptions, account.elapsed, defaults=account.defaults)
    return found if account.running is None else [each for each in found if each.coupon.percent is not None]


def parties_of(catalog: Catalog, account: DueAccount) -> tuple[Customer, Seller]:
    """Both profiles as they stood when the period ended, or when a running one is billed."""
    last = account.elapsed.last_instant
    subscription = account.subscriptions[0].key
    customer = profile_of(catalog, account.customer, account.elapsed)
    if customer is None:
        raise NothingInForce("customer", account.customer, subscription, last)
    seller = catalog.sellers.at(customer.seller, last)
    if seller is None:
        raise NothingInForce("seller", customer.seller, subscription, last)
    return customer, seller


def reference_of(account: DueAccount) -> PolicyReference:
    """The policy that governs the account, as its paper names it."""
    policy = account.policy.policy
    signatures = sorted((signature.role.value, signature.key_id) for signature in account.policy.signatures)
    return PolicyReference(
        policy.key, policy.version, policy.digest, tuple(signatures), policy.small_team_exception
    )
