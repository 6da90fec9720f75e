"""What tiers and packages do where a billing period is split, as the price says.

restart: each part starts anew. continue: a part goes on where the parts before it stopped; it asks for the
price of all units so far, less that of the units before it, both under its own price version. prorate: each
part has its share of every tier and package, by elapsed whole seconds.
"""

from __future__ import annotations

from dataclasses import replace

from tieout.contract.price import MeteredShape, Price
from tieout.kernel.quantity import Quantity
from tieout.kernel.rational import exact_sum
from tieout.kernel.working import Step, Working, remark
from tieout.rate.shape import has_tiers, working
from tieout.rate.share import Share
from tieout.rate.usage import Usage
from tieout.rate.wording import amount_text, stretch_text, usage_text


def split_steps(price: Price, share: Share) -> Working:
    """What a part of a period says of its tiers before they are used; nothing for all of a period."""
    if share.is_whole or not has_tiers(price) or price.tier_split == "continue":
        return ()
    if price.tier_split == "prorate":
        return (remark("tiers-prorated", f"tiers and packages count{share.text}"),)
    text = f"tiers start anew for this part of the period, {stretch_text(share.segment)}"
    return (remark("tiers-restart", text),)


def split_working(
    shape: MeteredShape, usage: Usage, price: Price, share: Share, prior: Quantity | None
) -> Working:
    """The working of one part of a period, or of all of it. `prior`: the usage of the parts before it; None:
    there are none, or they do not count."""
    if price.tier_split == "restart" or not has_tiers(price):
        return working(shape, usage, price)
    if price.tier_split == "continue":
        return _continued(shape, usage, price, prior)
    if share.is_whole:
        return working(shape, usage, price)
    return working(shape, usage, price, tiers=share.fraction)


def _continued(shape: MeteredShape, usage: Usage, price: Price, prior: Quantity | None) -> Working:
    """The units before are taken off again, in number and in price, so the steps add up to this part's."""
    if prior is None:
        return working(shape, usage, price)
    before = exact_sum([step.amount for step in working(shape, replace(usage, quantity=prior), price)])
    text = (
        f"less the {usage_text(prior, usage.unit)} of earlier parts of the period, "
        f"which fill the tiers first = {amount_text(-before, price.currency)}"
    )
    less = Step(rule="tiers-continue", text=text, quantity=str(-prior), rate=None, amount=-before)
    return (*working(shape, replace(usage, quantity=prior + usage.quantity), price), less)
