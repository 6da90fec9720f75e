"""The off-cycle rule of a policy: which accounts it is for, and which of its conditions hold.

Exposure holds whenever what is not billed yet has reached the amount: an interim invoice sets it back to
zero. The other two are crossed once: an interim that was sealed for a crossing names it, and the same rule
does not bill it again. They are armed again by a new term of the commitment (of one for each period: a new
period), by another threshold, by another end of the contract; never by usage that is taken back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from tieout.balance.commitment import account_of, standing
from tieout.balance.movement import Movement
from tieout.close.commitments import counts, term_part, usage_minor
from tieout.close.segments import Segment
from tieout.contract.policy import OffCycle
from tieout.contract.subscription import Commitment, Subscription
from tieout.invoice.off_cycle import Condition, OffCycleFact
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant, format_instant
from tieout.kernel.money import Currency, Money
from tieout.kernel.period import Period
from tieout.kernel.rational import Exact
from tieout.kernel.rounding import Rounding, settle
from tieout.rate.charge import Charge
from tieout.rate.share import elapsed_seconds
from tieout.rate.wording import money_text, percent_text

Crossing = tuple[Condition, str, str, Instant]


@dataclass(frozen=True, slots=True)
class CommitmentUse:
    """How far usage has got with a commitment, in minor units; `since` is where its term or period begins."""

    account: str
    used: int
    committed: int
    since: Instant


def is_eligible(rule: OffCycle, customer: CustomerId, segments: Iterable[Segment]) -> bool:
    """By customer, by a plan or by a price of its period; what stands in place of a listed price counts."""
    return customer in rule.customers or any(
        segment.plan.key in rule.plans
        or segment.price.key in rule.prices
        or segment.terms.in_place_of in rule.prices
        for segment in segments
    )


def exposure_fact(rule: OffCycle, unbilled: Money, *, since: Instant) -> OffCycleFact | None:
    """`unbilled` is what the charges of the period so far come to, less what its interim invoices settled."""
    code = unbilled.currency.code
    for of, amount in rule.exposure_over:
        if of == code and unbilled.as_fraction() >= amount:
            limit = settle(amount, unbilled.currency, Rounding.UP)
            text = f"what is not billed yet, {money_text(unbilled)}, has reached {money_text(limit)}"
            return OffCycleFact(
                Condition.EXPOSURE, code, unbilled.decimal_text, limit.decimal_text, since, text
            )
    return None


def commitment_facts(
    rule: OffCycle, uses: Iterable[CommitmentUse], money: Currency, billed: Collection[Crossing]
) -> Iterator[OffCycleFact]:
    """Of each commitment whose usage has reached the percentage, unless that was billed."""
    percent = rule.commitment_used_percent
    if percent is None:
        return
    for use in uses:
        if use.committed <= 0 or use.used * 100 < percent * use.committed:
            continue
        used, committed = Money(use.used, money), Money(use.committed, money)
        limit = f"{percent_text(percent)} of {committed.decimal_text}"
        text = f"usage of {money_text(used)} has reached {percent_text(percent)} of {money_text(committed)}"
        fact = OffCycleFact(
            Condition.COMMITMENT, use.account, used.decimal_text, limit, use.since, f"{text}, {use.account}"
        )
        if fact.crossing not in billed:
            yield fact


def contract_facts(
    rule: OffCycle, subscriptions: Iterable[Subscription], *, as_of: Instant, billed: Collection[Crossing]
) -> Iterator[OffCycleFact]:
    """Of each subscription that has ended by `as_of`, unless its end was billed."""
    if not rule.contract_end:
        return
    for subscription in subscriptions:
        if subscription.end is None or subscription.end > as_of:
            continue
        ended = format_instant(subscription.end)
        fact = OffCycleFact(
            Condition.CONTRACT_END,
            subscription.key,
            ended,
            "ended",
            subscription.end,
            f"subscription {subscription.key} ended at {ended}",
        )
        if fact.crossing not in billed:
            yield fact


def commitment_uses(
    subscription: Subscription,
    charges: Sequence[Charge],
    opening: Sequence[Movement],
    *,
    whole: Period,
    period: Period,
    money: Currency,
) -> Iterator[CommitmentUse]:
    """Of each commitment whose term the period is in; `charges` are those of the subscription so far."""
    for commitment in subscription.commitments:
        part = term_part(subscription, commitment, period)
        if part is None:
            continue
        account = account_of(subscription.key, commitment.key)
        used = sum(usage_minor(charge, money) for charge in charges if counts(commitment, charge))
        if commitment.billing != "each_period":
            used += standing(opening, account).metered
        yield CommitmentUse(account, used, *_term(commitment, part, whole, money))


def _term(commitment: Commitment, part: Period, whole: Period, money: Currency) -> tuple[int, Instant]:
    """What is committed, and since when: of one for each period, for the part of it that the term covers."""
    if commitment.billing != "each_period":
        return settle(commitment.amount, money, Rounding.HALF_AWAY_FROM_ZERO).minor, commitment.start
    share = Exact(elapsed_seconds(part), elapsed_seconds(whole))
    return settle(commitment.amount * share, money, Rounding.HALF_AWAY_FROM_ZERO).minor, part.start
