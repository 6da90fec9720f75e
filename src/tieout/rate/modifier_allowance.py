"""Allowance: the first units of a billing period are free; the rest goes to the shape, whose tiers begin
there.

Negative usage uses no free units and goes to the shape as it is. Units that are free but not used are gone
with the part of the period that they are for.
"""

from __future__ import annotations

from tieout.contract.modifiers import Allowance
from tieout.kernel.quantity import QUANTITY_ZERO, Quantity
from tieout.kernel.rational import Exact
from tieout.kernel.working import Step
from tieout.rate.share import Share
from tieout.rate.wording import grouped, usage_text


def free_units(allowance: Allowance, quantity: Quantity, share: Share) -> Quantity:
    """How many of the units are free; never more than there are, and none of negative usage."""
    return max(QUANTITY_ZERO, min(quantity, share.of_units(allowance.units)))


def step(allowance: Allowance, free: Quantity, share: Share, *, unit: str) -> Step:
    """`first 1,000 tokens free (allowance of 1,000)`: its units cost 0, so that every unit has a step."""
    of = f"allowance of {grouped(str(share.of_units(allowance.units)))}"
    if not share.is_whole:
        of = f"{of}, the share of {grouped(str(allowance.units))}{share.text}"
    words = f"first {usage_text(free, unit)} free" if free else "no free units used"
    return Step(rule="allowance", text=f"{words} ({of})", quantity=str(free), rate="0", amount=Exact(0))
