"""Discount: `percent` of what is there, or `amount` but never more than is there; one after another.

A percentage of a credit makes the credit smaller, as it made the charge that is credited. An amount takes
nothing off a credit or of nothing, and the step says so.
"""

from __future__ import annotations

from tieout.contract.modifiers import Discount
from tieout.kernel.instant import Instant, format_instant
from tieout.kernel.rational import Exact
from tieout.kernel.working import Step
from tieout.rate.share import Share
from tieout.rate.wording import amount_text, percent_text


def step(discount: Discount, there: Exact, share: Share, *, starts: Instant, currency: str) -> Step | None:
    """What it takes off the amount that is there; None once it has ended, for a part that `starts` at `until`
    or later."""
    if discount.until is not None and starts >= discount.until:
        return None
    until = "" if discount.until is None else f" (until {format_instant(discount.until)})"
    name = f"discount {discount.name}{until}"
    if discount.percent is not None:
        taken = there * discount.percent / 100
        text = f"{name}: {percent_text(discount.percent)} off {amount_text(there, currency)}"
        return _step(f"{text} = {amount_text(-taken, currency)}", -taken)
    assert discount.amount is not None, "a discount has a percentage or an amount"
    granted = share.of(discount.amount)
    taken = max(Exact(0), min(granted, there))
    text = f"{name}: {amount_text(discount.amount, currency)} off{share.text}"
    if taken < granted:
        text = f"{text}, but no more than {amount_text(taken, currency)} is there"
    return _step(f"{text} = {amount_text(-taken, currency)}", -taken)


def _step(text: str, amount: Exact) -> Step:
    return Step(rule="discount", text=text, quantity=None, rate=None, amount=amount)
