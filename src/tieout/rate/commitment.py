"""A line of a commitment as a charge: its price is the commitment, as one version of the subscription states
it."""

from __future__ import annotations

from tieout.balance.commitment import CommitmentLine, Role
from tieout.contract.price import Flat, Price
from tieout.contract.subscription import Commitment, Subscription
from tieout.kernel.ids import PlanKey, PriceKey
from tieout.kernel.period import Period
from tieout.kernel.quantity import Quantity
from tieout.kernel.rounding import Rounding
from tieout.kernel.working import Step
from tieout.rate.charge import Charge
from tieout.rate.wording import amount_text

PREFIX = "commitment/"
UNIT = "commitment"
WORDS = {
    Role.UPFRONT: "paid upfront",
    Role.ROLLED_OVER: "rolled over from the period before",
    Role.DRAWDOWN: "drawn down by usage",
    Role.OVERAGE: "usage above it",
    Role.CAP: "beyond the maximum, not charged",
    Role.TRUE_UP: "true-up",
    Role.LAPSED: "unused part lapses",
}


def commitment_key(key: str, role: Role) -> PriceKey:
    """What a line names as its price: `commitment/annual/true-up`."""
    return PriceKey(f"{PREFIX}{key}/{role.value}")


def commitment_charge(
    line: CommitmentLine,
    commitment: Commitment,
    subscription: Subscription,
    *,
    plan: PlanKey,
    plan_version: int,
    currency: str,
    period: Period,
    segment: Period,
) -> Charge:
    """The charge of one line. Version and digest are the subscription's: it holds the terms."""
    price = Price(
        key=commitment_key(commitment.key, line.role),
        version=subscription.version,
        effective_from=commitment.start,
        meter=None,
        currency=currency,
        description=f"Commitment {commitment.key}: {WORDS[line.role]}",
        shape=Flat(line.amount),
        rounding=Rounding.HALF_AWAY_FROM_ZERO,
        tier_split="restart",
        digest=subscription.digest,
    )
    text = f"{line.text} = {amount_text(line.amount, currency)}"
    return Charge(
        subscription=subscription.key,
        price=price,
        plan=plan,
        plan_version=plan_version,
        snapshot=None,
        period=period,
        segment=segment,
        quantity=Quantity.of(1),
        unit=UNIT,
        amount=line.amount,
        steps=(
            Step(
                rule=f"commitment-{line.role.value}", text=text, quantity=None, rate=None, amount=line.amount
            ),
        ),
    )
