"""What the commitments of a subscription add to one of its periods: lines beside the usage, and movements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tieout.balance.commitment import (
    CommitmentLine,
    CommittedPeriod,
    Moved,
    account_of,
    committed,
    standing,
)
from tieout.balance.movement import Movement, MovementKind
from tieout.contract.subscription import Commitment, Subscription
from tieout.kernel.instant import Instant
from tieout.kernel.money import Currency, currency
from tieout.kernel.period import Period
from tieout.kernel.rounding import settle
from tieout.rate.charge import Charge
from tieout.rate.commitment import commitment_charge
from tieout.rate.share import elapsed_seconds

FINAL = (MovementKind.TRUED_UP, MovementKind.LAPSED)


@dataclass(frozen=True, slots=True)
class Committed:
    """One commitment's outcome for a period."""

    account: str
    charges: tuple[Charge, ...]
    moved: tuple[Moved, ...]


def commitments_due(
    subscription: Subscription,
    charges: Sequence[Charge],
    opening: Sequence[Movement],
    *,
    whole: Period,
    period: Period,
) -> Iterator[Committed]:
    """Each commitment that the period concerns. `charges` are all of the subscription's for the period, of
    which those with a meter count; `whole` is the period of the calendar that `period` is of."""
    if not subscription.commitments or not charges:
        return
    money = currency(charges[0].price.currency)
    of_period = [charge for charge in charges if charge.segment.start < period.end]  # no fee in advance
    plan = max(of_period or charges, key=lambda charge: charge.segment.start)
    for commitment in subscription.commitments:
        usage = sum(usage_minor(charge, money) for charge in charges if counts(commitment, charge))
        found = commitment_outcome(
            subscription, commitment, opening, usage=usage, whole=whole, period=period, currency=money
        )
        if found is None:
            continue
        lines, moved = found
        made = tuple(
            commitment_charge(
                line,
                commitment,
                subscription,
                plan=plan.plan,
                plan_version=plan.plan_version,
                currency=money.code,
                period=whole,
                segment=term_part(subscription, commitment, period) or period,
            )
            for line in lines
        )
        yield Committed(account_of(subscription.key, commitment.key), made, tuple(moved))


def commitment_outcome(
    subscription: Subscription,
    commitment: Commitment,
    opening: Sequence[Movement],
    *,
    usage: int,
    whole: Period,
    period: Period,
    currency: Currency,
) -> tuple[list[CommitmentLine], list[Moved]] | None:
    """From the movements before the period and its usage; None where the term does not concern the period."""
    account = account_of(subscription.key, commitment.key)
    state = standing(opening, account)
    part = term_part(subscription, commitment, period)
    if _is_settled(commitment, opening, account) or (part is None and state.left == 0):
        return None
    facts = CommittedPeriod(
        usage=usage,
        part_seconds=0 if part is None else elapsed_seconds(part),
        whole_seconds=elapsed_seconds(whole),
        last=term_end(subscription, commitment) <= period.end,
    )
    return committed(commitment, state, facts, currency)


def term_end(subscription: Subscription, commitment: Commitment) -> Instant:
    """A commitment ends with its subscription at the latest: then its rest is due."""
    return commitment.end if subscription.end is None else min(commitment.end, subscription.end)


def term_part(subscription: Subscription, commitment: Commitment, period: Period) -> Period | None:
    """The part of the period inside the term."""
    start = max(commitment.start, period.start)
    end = min(term_end(subscription, commitment), period.end)
    return Period(start, end) if start < end else None


def counts(commitment: Commitment, charge: Charge) -> bool:
    """Metered usage of the term; fees and other lines do not draw."""
    return charge.snapshot is not None and in_term(commitment, charge.segment.start)


def in_term(commitment: Commitment, start: Instant) -> bool:
    """Whether a segment that starts there lies in the term; segments are cut at its bounds."""
    return commitment.start <= start < commitment.end


def usage_minor(charge: Charge, money: Currency) -> int:
    """What its line says: settled as it will be."""
    return settle(charge.amount, money, charge.price.rounding).minor


def _is_settled(commitment: Commitment, opening: Sequence[Movement], account: str) -> bool:
    """Whether the rest of a whole term was billed or lapsed: then it is over, whatever becomes of its
    phases."""
    return commitment.billing != "each_period" and any(
        each.account == account and each.kind in FINAL for each in opening
    )
