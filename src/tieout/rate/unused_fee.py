"""The unused part of a fee that was billed in advance, credited by elapsed second."""

from __future__ import annotations

from dataclasses import replace

from tieout.balance.fee import BilledFee
from tieout.contract.price import Price
from tieout.kernel.period import Period
from tieout.kernel.quantity import Quantity
from tieout.kernel.rational import Exact
from tieout.kernel.working import Step
from tieout.rate.charge import Charge
from tieout.rate.shape_flat import FLAT_UNIT
from tieout.rate.share import elapsed_seconds
from tieout.rate.terms import parse_terms
from tieout.rate.wording import amount_text, share_text, stretch_text

UNUSED_RULE = "unused-fee"


def unused_fee(fee: BilledFee, unused: Period, price: Price, *, known_now: bool = False) -> Charge:
    """A charge below zero over the part of the fee's segment that was not used. `known_now`: of what the fee
    comes to at a corrected price, not of what was billed."""
    part, whole = elapsed_seconds(unused), elapsed_seconds(fee.segment)
    amount = -fee.asked * Exact(part, whole)
    asked = amount_text(fee.asked, price.currency)
    asked += " after discounts" if fee.discount.minor else ""
    share = share_text(part_seconds=part, whole_seconds=whole)
    said = "is right for" if known_now else "was billed in advance on"
    text = (
        f"{asked} {said} line {fee.line}; {share} of that, "
        f"{stretch_text(unused)}, were not used = {amount_text(amount, price.currency)}"
    )
    return Charge(
        subscription=fee.subscription,
        price=replace(price, description=f"{price.description}, unused part"),
        plan=fee.plan,
        plan_version=fee.plan_version,
        snapshot=None,
        period=fee.period,
        segment=unused,
        quantity=Quantity.of(1),
        unit=FLAT_UNIT,
        amount=amount,
        steps=(Step(rule=UNUSED_RULE, text=text, quantity=None, rate=None, amount=amount),),
        terms=parse_terms(fee.terms),
    )


def is_unused_fee(charge: Charge) -> bool:
    """Whether the charge gives back a fee billed in advance: what was asked of it, after discounts."""
    return any(step.rule == UNUSED_RULE for step in charge.steps)


def gives_back(steps: str) -> bool:
    """The same by the stored working."""
    return f'"rule":"{UNUSED_RULE}"' in steps
