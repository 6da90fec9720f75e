"""What tiers and packages do where a billing period is split, as the price says.

restart: each part starts anew. continue: a part goes on where the parts before it stopped; it asks for the
price of all units so far, less that of the units before it, both under its own price version. prorate: each
part has its share of every tier and package, by elapsed whole seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tieout.contract.price import (
    Graduated,
    GraduatedPercentage,
    Package,
    PlainShape,
    TierSplit,
    Volume,
)
from tieout.kernel.quantity import Quantity
from tieout.kernel.rational import Exact, exact_sum
from tieout.kernel.working import Step, Working
from tieout.rate.prorate import prorated_working
from tieout.rate.shape import plain_working
from tieout.rate.share import Share
from tieout.rate.usage import Usage
from tieout.rate.wording import amount_text, stretch_text, usage_text


@dataclass(frozen=True, slots=True)
class Split:
    """How one part of a period is rated. `prior` is the usage of the parts before it (None: there are none,
    or none that count)."""

    rule: TierSplit
    share: Share
    prior: Quantity | None

    @property
    def changes_nothing(self) -> bool:
        """Whether the part is rated, and reads, as a whole period would."""
        return self.prior is None if self.rule == "continue" else self.share.is_whole

    @property
    def said(self) -> Working:
        """What the working says before anything else."""
        if self.rule == "restart":
            text = f"tiers start anew for this part of the period, {stretch_text(self.share.segment)}"
            return (_said("tiers-restart", text),)
        if self.rule == "prorate":
            return (_said("tiers-prorated", f"tiers and packages count{self.share.text}"),)
        return ()

    def of_plain_shape(self, shape: PlainShape, usage: Usage, currency: str) -> Working:
        """The steps of one shape; their quantities add up to the usage."""
        if isinstance(shape, Graduated | Volume | Package | GraduatedPercentage):
            if self.rule == "prorate":
                fraction = self.share.fraction
                return prorated_working(shape, usage.quantity, fraction, unit=usage.unit, currency=currency)
            if self.rule == "continue" and self.prior is not None:
                return _continued(shape, usage, self.prior, currency)
        return plain_working(shape, usage, currency)


def _continued(shape: PlainShape, usage: Usage, prior: Quantity, currency: str) -> Working:
    """The units before are taken off again, in number and in price, so the steps add up to this part's."""
    passed = plain_working(shape, replace(usage, quantity=prior), currency)
    before = exact_sum([step.amount for step in passed])
    text = (
        f"less the {usage_text(prior, usage.unit)} of earlier parts of the period, "
        f"which fill the tiers first = {amount_text(-before, currency)}"
    )
    less = Step(rule="tiers-continue", text=text, quantity=str(-prior), rate=None, amount=-before)
    return (*plain_working(shape, replace(usage, quantity=prior + usage.quantity), currency), less)


def _said(rule: str, text: str) -> Step:
    return Step(rule=rule, text=text, quantity=None, rate=None, amount=Exact(0))
