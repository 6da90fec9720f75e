"""What tiers and packages do where a billing period is split, as the price says.

restart: each part starts anew. continue: a part goes on where the parts before it stopped; it asks for the
price of all units so far, less that of the units before it, both under its own price version. prorate: each
part has its share of every tier and package, by elapsed whole seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tieout.contract.price import (
    Graduated,
    GraduatedPercentage,
    Package,
    PlainShape,
    TierSplit,
    Volume,
)
from tieout.kernel.period import Period
from tieout.kernel.quantity import Quantity
from tieout.kernel.rational import Exact
from tieout.kernel.working import Step, Working
from tieout.rate.prorate import prorated_working
from tieout.rate.shape_flat import elapsed_seconds
from tieout.rate.wording import amount_text, share_text, stretch_text, usage_text

Rated = Callable[[Quantity], Working]
"""The working of a quantity by a shape, as if it were all the usage of a whole period."""

STEPPED = (Graduated, Volume, Package, GraduatedPercentage)
"""Shapes under which the price of a unit depends on how many there are."""


@dataclass(frozen=True, slots=True)
class Part:
    """The part `segment` of `period`, what `tier_split` says of it, and the usage of the parts before it
    (None: there are none, or they do not count)."""

    period: Period
    segment: Period
    tier_split: TierSplit
    prior: Quantity | None


def split_working(
    rated: Rated, shape: PlainShape, quantity: Quantity, part: Part, *, unit: str, currency: str
) -> Working:
    """The working of one part of a period, or of all of it."""
    if not isinstance(shape, STEPPED):
        return rated(quantity)
    if part.tier_split == "continue":
        return _continued(rated, quantity, part.prior, unit=unit, currency=currency)
    if part.segment == part.period:
        return rated(quantity)
    if part.tier_split == "prorate":
        seconds, whole = elapsed_seconds(part.segment), elapsed_seconds(part.period)
        text = f"tiers and packages count for {share_text(seconds, whole)}, {stretch_text(part.segment)}"
        steps = prorated_working(shape, quantity, Exact(seconds, whole), unit=unit, currency=currency)
        return (_said("tiers-prorated", text), *steps)
    text = f"tiers start anew for this part of the period, {stretch_text(part.segment)}"
    return (_said("tiers-restart", text), *rated(quantity))


def _continued(
    rated: Rated, quantity: Quantity, prior: Quantity | None, *, unit: str, currency: str
) -> Working:
    """The units before are taken off again, in number and in price, so the steps add up to this part's."""
    if prior is None:
        return rated(quantity)
    before = sum((step.amount for step in rated(prior)), Exact(0))
    text = (
        f"less the {usage_text(prior, unit)} of earlier parts of the period, "
        f"which fill the tiers first = {amount_text(-before, currency)}"
    )
    less = Step(rule="tiers-continue", text=text, quantity=str(-prior), rate=None, amount=-before)
    return (*rated(prior + quantity), less)


def _said(rule: str, text: str) -> Step:
    return Step(rule=rule, text=text, quantity=None, rate=None, amount=Exact(0))
