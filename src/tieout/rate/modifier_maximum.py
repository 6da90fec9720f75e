"""Maximum: a charge above it is lowered to it. A credit has no maximum: it gives back what was paid."""

from __future__ import annotations

from tieout.kernel.rational import Exact
from tieout.kernel.working import Step
from tieout.rate.share import Share
from tieout.rate.wording import amount_text


def step(maximum: Exact, share: Share, *, there: Exact, currency: str) -> Step | None:
    """What takes the charge down to the part's share of the maximum; None where it is not above it."""
    most = share.of(maximum)
    if there <= most:
        return None
    text = f"lowered to the maximum of {amount_text(maximum, currency)}{share.text}"
    if not share.is_whole:
        text = f"{text} = {amount_text(most, currency)}"
    return Step(rule="maximum", text=text, quantity=None, rate=None, amount=most - there)
