"""Minimum: a charge below it is raised to it, whatever usage there was; so is a credit."""

from __future__ import annotations

from tieout.kernel.rational import Exact
from tieout.kernel.working import Step
from tieout.rate.share import Share
from tieout.rate.wording import amount_text


def step(minimum: Exact, share: Share, *, there: Exact, currency: str) -> Step | None:
    """What the charge lacks to reach the part's share of the minimum; None where it lacks nothing."""
    least = share.of(minimum)
    if there >= least:
        return None
    text = f"raised to the minimum of {amount_text(minimum, currency)}{share.text}"
    if not share.is_whole:
        text = f"{text} = {amount_text(least, currency)}"
    return Step(rule="minimum", text=text, quantity=None, rate=None, amount=least - there)
