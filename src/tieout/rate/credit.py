"""What somebody agreed to give back of a sealed line, as a charge below zero: its price is made up, and names
the line."""

from __future__ import annotations

from tieout.contract.price import Flat, Price
from tieout.kernel.ids import LineId, PlanKey, PriceKey, SubscriptionId
from tieout.kernel.instant import Instant
from tieout.kernel.money import Money
from tieout.kernel.period import Period
from tieout.kernel.quantity import Quantity
from tieout.kernel.rounding import Rounding
from tieout.kernel.working import Step
from tieout.rate.charge import Charge
from tieout.rate.wording import money_text

PREFIX = "credit/"
UNIT = "credit"
RULE = "credit"


def is_credit(price: str) -> bool:
    return price.startswith(PREFIX)


def credited_line(price: str) -> LineId:
    """The line that a credit gives back of."""
    return LineId(price.removeprefix(PREFIX))


def credit_charge(
    line: LineId,
    amount: Money,
    *,
    description: str,
    subscription: SubscriptionId,
    plan: PlanKey,
    plan_version: int,
    price_version: int,
    price_digest: str,
    tax_category: str,
    effective_from: Instant,
    period: Period,
    segment: Period,
) -> Charge:
    """`amount` above zero is what is given back. Version and digest are those of the line's own price."""
    given = -amount.as_fraction()
    price = Price(
        key=PriceKey(f"{PREFIX}{line}"),
        version=price_version,
        effective_from=effective_from,
        meter=None,
        currency=amount.currency.code,
        description=f"Credit: {description}",
        shape=Flat(given),
        rounding=Rounding.HALF_AWAY_FROM_ZERO,
        tier_split="restart",
        digest=price_digest,
        tax_category=tax_category,
    )
    text = f"{money_text(amount)} of line {line} is given back"
    return Charge(
        subscription=subscription,
        price=price,
        plan=plan,
        plan_version=plan_version,
        snapshot=None,
        period=period,
        segment=segment,
        quantity=Quantity.of(1),
        unit=UNIT,
        amount=given,
        steps=(Step(rule=RULE, text=text, quantity=None, rate=None, amount=given),),
    )
