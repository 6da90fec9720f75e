"""The one order of what a price does around its shape; decision 0027 gives the reasons.

Conversion of the unit (where a charge takes its usage from the snapshot), free allowance, shape, discounts as
listed, minimum, maximum. What comes first decides what the next one sees; no step looks back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tieout.contract.modifiers import NO_MODIFIERS
from tieout.contract.price import Price
from tieout.kernel.rational import exact_sum
from tieout.kernel.working import Step, Working
from tieout.rate import modifier_allowance, modifier_discount, modifier_maximum, modifier_minimum
from tieout.rate.share import Share
from tieout.rate.usage import Usage

RateShape = Callable[[Usage], Working]


def metered_working(rate_shape: RateShape, usage: Usage, price: Price, share: Share) -> Working:
    """Allowance and shape: the steps that price units."""
    allowance = price.modifiers.allowance
    if allowance is None:
        return rate_shape(usage)
    counted = _counted(price, share)
    free = modifier_allowance.free_units(allowance, usage.quantity, counted)
    step = modifier_allowance.step(allowance, free, counted, unit=usage.unit)
    return (step, *rate_shape(replace(usage, quantity=usage.quantity - free)))


def around(steps: Working, price: Price, share: Share, *, interim: bool = False) -> Working:
    """Discounts, minimum and maximum around what the shape asks for: the steps that price no units. While
    the period runs (`interim`) usage may still reach a minimum, so none is asked for."""
    modifiers = price.modifiers
    if modifiers is NO_MODIFIERS:
        return steps
    found, there = list(steps), exact_sum([step.amount for step in steps])
    counted = _counted(price, share)

    def add(step: Step | None) -> None:
        nonlocal there
        if step is not None:
            found.append(step)
            there += step.amount

    for discount in modifiers.discounts:
        starts = share.segment.start
        add(modifier_discount.step(discount, there, counted, starts=starts, currency=price.currency))
    if modifiers.minimum is not None and not interim:
        add(modifier_minimum.step(modifiers.minimum, counted, there=there, currency=price.currency))
    if modifiers.maximum is not None:
        add(modifier_maximum.step(modifiers.maximum, counted, there=there, currency=price.currency))
    return tuple(found)


def _counted(price: Price, share: Share) -> Share:
    """The share of the period that the modifiers are for: all of it where the price does not prorate them."""
    return share if price.modifiers.prorate else Share(share.period, share.period)
