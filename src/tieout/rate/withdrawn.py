"""A charge of zero for what was billed once and is asked no more: the group whose last event was retracted,
the true-up of a commitment that late usage has drawn."""

from __future__ import annotations

from tieout.aggregate.snapshot import Snapshot
from tieout.contract.price import Price
from tieout.contract.program import Program
from tieout.kernel.ids import PlanKey, SubscriptionId
from tieout.kernel.period import Period
from tieout.kernel.quantity import QUANTITY_ZERO
from tieout.kernel.rational import Exact
from tieout.kernel.working import remark
from tieout.rate.charge import Charge, GroupName

WITHDRAWN_RULE = "not-asked"


def withdrawn_charge(
    subscription: SubscriptionId,
    price: Price,
    *,
    plan: PlanKey,
    plan_version: int,
    snapshot: Snapshot | None,
    period: Period,
    segment: Period,
    unit: str,
    group: GroupName,
    program: Program | None,
) -> Charge:
    """It names the price that asked last; its snapshot, where it has one, shows that nothing is there."""
    return Charge(
        subscription=subscription,
        price=price,
        plan=plan,
        plan_version=plan_version,
        snapshot=snapshot,
        period=period,
        segment=segment,
        quantity=QUANTITY_ZERO,
        unit=unit,
        amount=Exact(0),
        steps=(remark(WITHDRAWN_RULE, "as known now, nothing is asked for this"),),
        program=program,
        group=group,
    )


def is_withdrawn(steps: str) -> bool:
    """By the stored working."""
    return f'"rule":"{WITHDRAWN_RULE}"' in steps
