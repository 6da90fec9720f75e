"""What one draft asks for: of a period that ended all of it, of one that runs what its usage so far comes to,
if a condition of the policy's off-cycle rule holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tieout.aggregate.recount import Recount
from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.window import UsageRequest
from tieout.balance.movement import Movement
from tieout.close.commitments import Committed
from tieout.close.fees import Fees
from tieout.close.interim import by_usage, with_usage, withdrawn
from tieout.close.off_cycle import commitment_facts, commitment_uses, contract_facts, exposure_fact
from tieout.close.rating import charges
from tieout.close.segments import Segment
from tieout.contract.catalog import Catalog
from tieout.flows.draft_balances import committed_by, fees_of
from tieout.flows.due_accounts import DueAccount
from tieout.invoice.earlier import scope_of
from tieout.invoice.off_cycle import Condition, OffCycleFact, OffCycleReason
from tieout.kernel.ids import SubscriptionId
from tieout.kernel.money import Currency, Money, currency, zero
from tieout.kernel.rounding import settle
from tieout.rate.charge import Charge

Measured = tuple[UsageRequest, Snapshot, Recount]
NO_FEES = Fees((), (), ())


@dataclass(frozen=True, slots=True)
class Asked:
    """The charges of a draft with what they rest on; `off_cycle` only of a period that runs."""

    charges: tuple[Charge, ...]
    fees: Fees
    commitments: tuple[Committed, ...]
    measured: tuple[Measured, ...]
    off_cycle: OffCycleReason | None = None


def asked_of(
    catalog: Catalog,
    account: DueAccount,
    segments: Sequence[Segment],
    measured: Sequence[Measured],
    opening: tuple[Movement, ...],
    money: Currency,
) -> Asked | None:
    """None where the period runs and no condition holds, or what holds comes to nothing."""
    if account.running is None:
        snapshots = [snapshot for _, snapshot, _ in measured]
        return in_full(catalog, account, segments, snapshots, opening, measured=tuple(measured))
    return _so_far(account, segments, measured, opening, money)


def in_full(
    catalog: Catalog,
    account: DueAccount,
    segments: Sequence[Segment],
    snapshots: Sequence[Snapshot],
    opening: tuple[Movement, ...],
    *,
    measured: tuple[Measured, ...] = (),
) -> Asked:
    """All that a period asks for, of whoever measured it."""
    fees = fees_of(catalog, account, segments, opening)
    rated = [*charges(fees.segments, snapshots), *fees.credits]
    commitments = committed_by(account, rated, opening)
    rated += [charge for found in commitments for charge in found.charges]
    if account.earlier:
        rated += withdrawn(account.earlier, rated, segments, snapshots, account.subscriptions, account.period)
    return Asked(tuple(rated), fees, tuple(commitments), measured)


def _so_far(
    account: DueAccount,
    segments: Sequence[Segment],
    measured: Sequence[Measured],
    opening: tuple[Movement, ...],
    money: Currency,
) -> Asked | None:
    assert account.running is not None, "the caller looked"
    snapshots = [snapshot for _, snapshot, _ in measured]
    rated = with_usage(charges(segments, snapshots), account.earlier)
    commitments = by_usage(committed_by(account, rated, opening))
    usage = tuple(rated)
    rated += [charge for found in commitments for charge in found.charges]
    rated += withdrawn(account.earlier, rated, segments, snapshots, account.subscriptions, account.period)
    if not rated:
        return None
    facts = _facts(account, _unbilled(account, rated, money), usage, opening)
    if all(fact.condition is Condition.CONTRACT_END for fact in facts):
        ended = {SubscriptionId(fact.of) for fact in facts}
        rated = [charge for charge in rated if charge.subscription in ended]
    if not facts or _unbilled(account, rated, money).minor == 0:
        return None
    kept = {_window(charge.snapshot) for charge in rated if charge.snapshot is not None}
    return Asked(
        tuple(rated),
        NO_FEES,
        (),
        tuple(each for each in measured if _window(each[1]) in kept),
        OffCycleReason(account.running.as_of, facts),
    )


def _facts(
    account: DueAccount, unbilled: Money, usage: Sequence[Charge], opening: tuple[Movement, ...]
) -> tuple[OffCycleFact, ...]:
    """Every condition that holds, in the order of the rule's members."""
    rule, running = account.policy.policy.off_cycle, account.running
    assert rule is not None and running is not None, "only such accounts are looked at"
    uses = [
        use
        for subscription, whole in zip(account.subscriptions, account.wholes, strict=True)
        for use in commitment_uses(
            subscription,
            [charge for charge in usage if charge.subscription == subscription.key],
            opening,
            whole=whole,
            period=account.period,
            money=unbilled.currency,
        )
    ]
    exposure = exposure_fact(rule, unbilled, since=account.period.start)
    return (
        *(() if exposure is None else (exposure,)),
        *commitment_facts(rule, uses, unbilled.currency, running.crossings),
        *contract_facts(rule, account.subscriptions, as_of=running.as_of, billed=running.crossings),
    )


def _unbilled(account: DueAccount, rated: Sequence[Charge], money: Currency) -> Money:
    """What the lines would come to, before discounts and taxes."""
    total = zero(money)
    for charge in rated:
        asked = settle(charge.amount, currency(charge.price.currency), charge.price.rounding)
        total += sum((-each.amount for each in account.earlier.get(scope_of(charge), ())), asked)
    return total


def _window(snapshot: Snapshot) -> tuple[object, ...]:
    return snapshot.subscription, snapshot.meter, snapshot.meter_version, snapshot.period
