"""What a crossed charge control does, and what it takes back when its figure is below again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tieout.contract.charge_control import ChargeControl, ControlAction, HoldEnds
from tieout.kernel.ids import CustomerId
from tieout.kernel.period import Period
from tieout.trigger.crossing import Change, ChangeKind


@dataclass(frozen=True, slots=True)
class HoldPlaced:
    """`features` empty: all. `until` None: until a person releases it. `id` is the crossing's."""

    id: str
    customer: CustomerId
    features: tuple[str, ...]
    until_period_end: Period | None
    ends: HoldEnds


@dataclass(frozen=True, slots=True)
class ReviewAsked:
    """A person is to look at the customer's exposure."""

    id: str
    customer: CustomerId


@dataclass(frozen=True, slots=True)
class InterimAsked:
    """The invoice rules are to look at the account now. What they bill, and whether, is theirs to say."""

    id: str
    customer: CustomerId
    period: Period


@dataclass(frozen=True, slots=True)
class HoldLifted:
    """The figure is below again, and the control said that this lifts its hold."""

    id: str
    customer: CustomerId
    lifts: str


class ReviewDecision(StrEnum):
    """`dismiss`: nothing is done. `hold`: the customer is held, from what the decision names."""

    DISMISS = "dismiss"
    HOLD = "hold"


Effect = HoldPlaced | ReviewAsked | InterimAsked | HoldLifted


def effect_of(control: ChargeControl, change: Change) -> Effect | None:
    """None where there is nothing to do: most controls let nothing go by themselves, and what ends with its
    period, or is billed inside it, is past when the crossing is late."""
    customer, period = change.scope.customer, change.scope.period
    if change.kind is ChangeKind.REARMED:
        if control.action is ControlAction.HOLD and control.ends is HoldEnds.BELOW:
            return HoldLifted(change.id, customer, crossing_of(change).id)
        return None
    if control.action is ControlAction.HOLD:
        assert control.ends is not None, "a hold says how it ends"
        if change.is_late and control.ends is HoldEnds.PERIOD:
            return None
        until = period if control.ends is HoldEnds.PERIOD else None
        return HoldPlaced(change.id, customer, control.features, until, control.ends)
    if control.action is ControlAction.REVIEW:
        return ReviewAsked(change.id, customer)
    return None if change.is_late else InterimAsked(change.id, customer, period)


def crossing_of(rearmed: Change) -> Change:
    """The crossing after which it was armed again: of the same ordinal."""
    return Change(
        rearmed.rule,
        rearmed.scope,
        rearmed.threshold,
        rearmed.ordinal,
        ChangeKind.CROSSED,
        rearmed.reading,
    )
