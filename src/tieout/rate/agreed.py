"""What was agreed about a charge beside its price, as steps: which price stands for which, which version is
kept, and what a trial or a pause takes off again. Nothing of it is silent."""

from __future__ import annotations

from tieout.contract.price import Price
from tieout.kernel.instant import format_instant
from tieout.kernel.rational import Exact
from tieout.kernel.working import Step, Working, remark
from tieout.rate.terms import Terms
from tieout.rate.wording import amount_text

WORDS = {"trial": "trial: nothing is charged", "paused": "paused: nothing is charged"}


def agreed_steps(price: Price, terms: Terms) -> Working:
    """Steps of no amount that say why this price version is asked for."""
    found = []
    if terms.in_place_of is not None:
        found.append(remark("negotiated", f"negotiated price {price.key} in place of {terms.in_place_of}"))
    if terms.kept is not None:
        kept = terms.kept
        found.append(
            remark(
                "grandfathered",
                f"version {price.version} is kept as of {format_instant(kept.as_of)} "
                f"until {format_instant(kept.until)}; plan {kept.successor} follows",
            )
        )
    if terms.interim and price.modifiers.minimum is not None:
        found.append(remark("minimum-waits", "the period still runs: its minimum is for the final invoice"))
    return tuple(found)


def waived_steps(steps: Working, terms: Terms, currency: str) -> Working:
    """The step that takes everything off again; none where nothing is waived."""
    if terms.waived is None:
        return ()
    amount = -sum((step.amount for step in steps), Exact(0))
    text = f"{WORDS[terms.waived]} for this part of the period = {amount_text(amount, currency)}"
    return (Step(rule=terms.waived, text=text, quantity=None, rate=None, amount=amount),)
