"""Rates sealed periods again, as known at a watermark, and says what that changes.

A customer's periods go in order, each from the balances before it with what the corrections of earlier ones
move: so late usage under an annual commitment changes every period that it must, and no other.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from tieout.aggregate.recount import Recount
from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.window import UsageRequest
from tieout.balance.commitment import METERED, Role, account_of
from tieout.balance.movement import Movement, MovementKind
from tieout.balance.reversal import standing_movements
from tieout.close.account import AccountOutcome
from tieout.close.breaks import Break
from tieout.close.commitments import Committed
from tieout.close.coupons import coupons_of
from tieout.close.credits import counts_at
from tieout.close.fees import in_advance
from tieout.close.outcome import Held, Parked
from tieout.close.rating import charges, usage_requests
from tieout.close.reconcile import billed_twice, rated_breaks, recount_breaks, working_breaks
from tieout.close.reconcile_corrections import correction_breaks
from tieout.close.segments import Segment, segments
from tieout.close.taxation import taxation_of
from tieout.contract.catalog import Catalog
from tieout.contract.party import Customer, Seller
from tieout.correction.adjust import adjustments, complete
from tieout.correction.carried import Moves, before_period, moved_differently, recorded_moves
from tieout.correction.causes import PeriodChange, Window, explained
from tieout.correction.coupons import Granted, coupon_shares, with_coupons
from tieout.correction.settled import SettledLine, by_scope
from tieout.evidence.stored import StoredSnapshot
from tieout.flows.corrected_fees import corrected_fees
from tieout.flows.corrected_refunds import corrected_refunds
from tieout.flows.draft_accounts import parked_by, parties_of
from tieout.flows.draft_balances import committed_by, fees_of
from tieout.flows.due_accounts import DueAccount
from tieout.flows.home import Home
from tieout.flows.sealed_periods import SealedPeriod
from tieout.flows.sealed_usage import SealedSpans, sealed_twice
from tieout.invoice.billable import Billable
from tieout.invoice.earlier import Scope
from tieout.invoice.taxes import Taxation
from tieout.kernel.errors import Unavailable
from tieout.kernel.ids import CustomerId, InvoiceId, LineId, PriceKey, SubscriptionId
from tieout.kernel.instant import Instant
from tieout.kernel.money import currency
from tieout.kernel.quantity import Unmeasurable
from tieout.ports import LogManifest
from tieout.rate.charge import Charge
from tieout.rate.commitment import commitment_key
from tieout.rate.withdrawn import WITHDRAWN_RULE

NOT_YET = InvoiceId("not-sealed")
"""The paper of movements that are only worked out."""


@dataclass(frozen=True, slots=True)
class PeriodCorrection:
    """What a sealed period comes to as known now. `billables` are what differs; `charges` everything that is
    asked, with `requests` and `snapshots` behind them; `asked` and `recorded` what commitments move, as known
    now and so far; `fees` are lines of fees in advance that are rated again, `refunds` those that gave back
    parts of them."""

    sealed: SealedPeriod
    change: PeriodChange
    customer: Customer
    seller: Seller
    taxation: Taxation
    billables: tuple[Billable, ...]
    charges: tuple[Charge, ...]
    requests: tuple[UsageRequest, ...]
    snapshots: tuple[Snapshot, ...]
    asked: Moves
    recorded: Moves
    fees: tuple[SettledLine, ...] = ()
    refunds: tuple[SettledLine, ...] = ()

    @property
    def settled_lines(self) -> tuple[SettledLine, ...]:
        """With those of fees in advance that are rated again."""
        return (*self.sealed.settled, *self.fees, *self.refunds)

    @property
    def settled(self) -> Mapping[Scope, tuple[SettledLine, ...]]:
        """By what they are for; without what gave fees back, whose time may be that of another fee."""
        return by_scope((*self.sealed.settled, *self.fees))

    def movements(self, invoice: InvoiceId, *, at: Instant | None = None) -> list[Movement]:
        """What its commitments move beyond what is recorded, sealed with that paper."""
        period = self.sealed.period
        return moved_differently(
            self.asked,
            self.recorded,
            period=period,
            customer=self.sealed.customer,
            currency=currency(self.customer.currency),
            invoice=invoice,
            at=counts_at(period) if at is None else at,
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """A period to rate again: why, in a person's words, by which approval, and what came since its cutoff by
    sealed snapshot. `before`: the papers that carry corrections of earlier periods by the same approval."""

    sealed: SealedPeriod
    reason: str
    approval: str | None
    late: Mapping[str, tuple[int, int]]
    mapped: bool = False
    before: frozenset[InvoiceId] = frozenset()


@dataclass(slots=True)
class _Chain:
    """A customer's movements, and those of the periods worked out so far."""

    recorded: tuple[Movement, ...]
    deltas: list[Movement] = field(default_factory=list)

    def opening(self, sealed: SealedPeriod) -> tuple[Movement, ...]:
        return (*before_period(self.recorded, sealed.papers, sealed.period), *self.deltas)


def rerate(
    home: Home,
    catalog: Catalog,
    manifest: LogManifest,
    wanted: Sequence[Wanted],
    *,
    recorded: Mapping[CustomerId, tuple[Movement, ...]],
    snapshots: Sequence[StoredSnapshot],
    others: SealedSpans,
) -> tuple[list[PeriodCorrection], list[AccountOutcome]]:
    """The periods in the order given, which is each customer's own. What goes wrong on one stops those later
    ones too whose balances would start from the wrong ones, and says so (L15)."""
    outcomes: list[AccountOutcome] = []
    planned: list[tuple[Wanted, list[Segment], list[UsageRequest]]] = []
    stopped: dict[CustomerId, dict[str, SealedPeriod]] = {}
    for each in wanted:
        try:
            found = _segments(catalog, each.sealed)
            planned.append((each, found, usage_requests(catalog, found)))
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - one period's failure may not stop the others (L15)
            outcomes.append(_stopped(stopped, each, parked_by(error)))
    requests = [request for _, _, asked in planned for request in asked]
    measured = iter(home.engine.measure_each(requests, manifest))
    recounted = iter(home.engine.recount(requests, manifest))
    chains: dict[CustomerId, _Chain] = {}
    found_corrections: list[PeriodCorrection] = []
    for each, parts, asked in planned:
        answers, recounts = list(islice(measured, len(asked))), list(islice(recounted, len(asked)))
        customer = each.sealed.customer
        before = _stopped_before(stopped, each.sealed)
        if before is not None:
            outcomes.append(_stopped(stopped, each, before))
            continue
        chain = chains.setdefault(customer, _Chain(standing_movements(recorded.get(customer, ()))))
        done = _rerated(catalog, each, parts, asked, answers, recounts, chain, snapshots, others)
        if isinstance(done, PeriodCorrection):
            found_corrections.append(done)
            chain.deltas += done.movements(NOT_YET)
        else:
            outcomes.append(_stopped(stopped, each, done))
    return found_corrections, outcomes


_Stopped = dict[CustomerId, dict[str, SealedPeriod]]
"""By account of a commitment, the first period that could not be worked out."""


def _stopped(stopped: _Stopped, each: Wanted, outcome: Held | Parked) -> AccountOutcome:
    accounts = stopped.setdefault(each.sealed.customer, {})
    for account in each.sealed.carries:
        accounts.setdefault(account, each.sealed)
    return AccountOutcome(each.sealed.customer, each.sealed.period, outcome)


def _stopped_before(stopped: _Stopped, sealed: SealedPeriod) -> Parked | None:
    """Why a period cannot be worked out, whose balances start from one before it that could not."""
    accounts = stopped.get(sealed.customer, {})
    on = next((accounts[each] for each in sorted(sealed.carries) if each in accounts), None)
    if on is None or on.period.end > sealed.period.end:
        return None
    return Parked(
        f"the balances of the period of invoice {sealed.invoice.number} start from those of "
        f"{on.invoice.number}, whose correction could not be worked out",
        "correct the cause there, then preview the correction again; nothing was corrected",
    )


def _segments(catalog: Catalog, sealed: SealedPeriod) -> list[Segment]:
    account = sealed.account
    return [
        segment
        for subscription, whole in zip(account.subscriptions, account.wholes, strict=True)
        for segment in segments(catalog, subscription, whole, account.period)
    ]


def _rerated(
    catalog: Catalog,
    wanted: Wanted,
    parts: Sequence[Segment],
    requests: Sequence[UsageRequest],
    answers: Sequence[Snapshot | Unmeasurable],
    recounts: Sequence[Recount],
    chain: _Chain,
    stored: Sequence[StoredSnapshot],
    others: SealedSpans,
) -> PeriodCorrection | Held | Parked:
    try:
        snapshots = list(_measured(answers))
        found = _correction(catalog, wanted, parts, requests, snapshots, chain, stored)
        breaks: list[Break] = [
            *recount_breaks(snapshots, recounts),
            *rated_breaks(snapshots, [each for each in found.charges if not _is_withdrawn(each)]),
            *working_breaks(found.charges),
            *billed_twice(requests),
            *sealed_twice(requests, others),
            *correction_breaks(found.charges, found.settled_lines, found.billables),
        ]
    except Unavailable:
        raise
    except Exception as error:  # noqa: BLE001 - one period's failure may not stop the others (L15)
        return parked_by(error)
    return Held(wanted.sealed.invoice.id, tuple(breaks)) if breaks else found


def _correction(
    catalog: Catalog,
    wanted: Wanted,
    parts: Sequence[Segment],
    requests: Sequence[UsageRequest],
    snapshots: Sequence[Snapshot],
    chain: _Chain,
    stored: Sequence[StoredSnapshot],
) -> PeriodCorrection:
    """As a close would bill the period now, from the balances before it; less what is settled."""
    sealed, account = wanted.sealed, wanted.sealed.account
    customer, seller = parties_of(catalog, account)
    opening = chain.opening(sealed)
    fees = fees_of(catalog, account, parts, opening)
    rated = [*charges(fees.segments, snapshots), *fees.credits]
    commitments = committed_by(account, rated, opening)
    asked = [charge for charge in rated if not in_advance(charge.price)]
    asked += [charge for found in commitments for charge in found.charges]
    repriced = corrected_fees(catalog, sealed.fees, sealed.given_back, chain.recorded)
    again = tuple(line for fee in repriced for line in fee.settled)
    asked += [fee.charge for fee in repriced]
    settled = by_scope((*sealed.settled, *again))
    taxation = taxation_of(catalog, customer, seller, account.period)
    change = PeriodChange(
        period=account.period,
        reason=wanted.reason,
        approval=wanted.approval,
        by_window=_by_window(stored, wanted.late),
        carried=bool(chain.deltas) or any(each.invoice in wanted.before for each in chain.recorded),
        mapped=wanted.mapped,
    )
    moves, recorded = _moves(commitments), _recorded(chain, sealed)
    explain, whole = explained(change), complete(asked, settled, snapshots)
    told = _lapsed_otherwise(account, moves, recorded)
    told |= {(fee.charge.subscription, fee.charge.price.key) for fee in repriced if fee.is_told}
    made = adjustments(asked, settled, snapshots, explain=explain, taxation=taxation, moved=told)
    granted = _granted(catalog, customer, sealed, {each.line.line for each in again})
    billables = with_coupons(
        whole, made, settled, granted, period=account.period, explain=explain, taxation=taxation
    )
    shares = coupon_shares(whole, settled, granted)
    refunds = corrected_refunds(catalog, sealed, repriced, shares, explain=explain)
    return PeriodCorrection(
        sealed=sealed,
        change=change,
        customer=customer,
        seller=seller,
        taxation=taxation,
        billables=(*billables, *(each.billable for each in refunds)),
        charges=(*whole, *(each.billable.charge for each in refunds)),
        requests=tuple(requests),
        snapshots=tuple(snapshots),
        asked=moves,
        recorded=recorded,
        fees=again,
        refunds=tuple(line for each in refunds for line in each.settled),
    )


def _moves(commitments: Sequence[Committed]) -> Moves:
    return {
        (found.account + moved.suffix, moved.kind): moved.minor
        for found in commitments
        for moved in found.moved
    }


def _lapsed_otherwise(
    account: DueAccount, asked: Moves, recorded: Moves
) -> frozenset[tuple[SubscriptionId, PriceKey]]:
    """The lines of what lapses, which ask for nothing: of those that say another balance than before."""
    return frozenset(
        (subscription.key, commitment_key(commitment.key, Role.LAPSED))
        for subscription in account.subscriptions
        for commitment in subscription.commitments
        for moved in [(account_of(subscription.key, commitment.key), MovementKind.LAPSED)]
        if asked.get(moved, 0) != recorded.get(moved, 0)
    )


def _granted(
    catalog: Catalog,
    customer: Customer,
    sealed: SealedPeriod,
    again: Container[LineId],
) -> Granted:
    """The coupons that its final invoice had; fees that are rated again keep no share of them."""
    account = sealed.account
    coupons = coupons_of(catalog, customer, account.subscriptions, account.period, defaults=account.defaults)
    fees = tuple(each for each in sealed.fees if each[0].line.line not in again)
    return Granted(tuple(coupons), sealed.given, fees, sealed.invoice.id)


def _is_withdrawn(charge: Charge) -> bool:
    return any(step.rule == WITHDRAWN_RULE for step in charge.steps)


def _measured(answers: Sequence[Snapshot | Unmeasurable]) -> Iterator[Snapshot]:
    for answer in answers:
        if isinstance(answer, Unmeasurable):
            raise answer
        yield answer


def _by_window(
    stored: Sequence[StoredSnapshot], late: Mapping[str, tuple[int, int]]
) -> dict[Window, tuple[int, int]]:
    return {(each.subscription, each.meter, each.period): late[each.id] for each in stored if each.id in late}


def _recorded(chain: _Chain, sealed: SealedPeriod) -> Moves:
    own = {
        account_of(subscription.key, commitment.key)
        for subscription in sealed.account.subscriptions
        for commitment in subscription.commitments
    }
    papers = {
        paper
        for paper, period in sealed.papers.items()
        if sealed.period.start <= period.start and period.end <= sealed.period.end
    }
    found = recorded_moves(chain.recorded, papers, sealed.period)
    return {
        (account, kind): minor
        for (account, kind), minor in found.items()
        if account.removesuffix(METERED) in own
    }
