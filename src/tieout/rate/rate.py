"""Rating: one snapshot under one price version for one part of a period. Same inputs, same bytes (L9).

Where a period is split, each part is rated alone, and its working says what tiers do (`split`) and what the
subscription agreed beside the price (`agreed`).
"""

from __future__ import annotations

from tieout.aggregate.snapshot import Snapshot
from tieout.contract.plan import Plan
from tieout.contract.price import Flat, Price
from tieout.contract.program import Program
from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.ids import SubscriptionId
from tieout.kernel.period import Period
from tieout.kernel.rational import exact_sum
from tieout.kernel.working import Working
from tieout.rate import shape_flat
from tieout.rate.agreed import agreed_steps, waived_steps
from tieout.rate.charge import Charge, GroupName
from tieout.rate.order import around, metered_working
from tieout.rate.share import Share
from tieout.rate.split import split_steps, split_working
from tieout.rate.terms import LIST_TERMS, Terms
from tieout.rate.usage import ALL_USAGE, Usage, usage_of


class UnratableSnapshot(IntegrityViolation):
    """A price was given usage that is not of its meter and segment, or none where it needs some."""

    code = "unratable-snapshot"

    def __init__(self, price: Price, snapshot: Snapshot | None, segment: Period) -> None:
        super().__init__(price, snapshot, segment)
        self.price = price
        self.snapshot = snapshot
        self.segment = segment

    def __str__(self) -> str:
        usage = self.snapshot
        given = "no usage" if usage is None else f"usage of {usage.meter} over {usage.period}"
        return (
            f"Price {self.price.key} version {self.price.version} rates {self.price.meter or 'no meter'} "
            f"over {self.segment} but was given {given}."
        )


def rate(
    snapshot: Snapshot | None,
    price: Price,
    *,
    plan: Plan,
    subscription: SubscriptionId,
    period: Period,
    segment: Period,
    group: GroupName = ALL_USAGE,
    program: Program | None = None,
    terms: Terms = LIST_TERMS,
) -> Charge:
    """What `price` asks for `segment` of the billing period `period`; exact, in whole units of the currency.

    A metered price needs the snapshot of its meter over exactly `segment`, a flat one needs None:
    anything else raises `UnratableSnapshot`. A price that groups is rated once for each of
    `group_names`; else `group` is empty. Raises `UnfitBreakdown` and `NoCellFits`.
    """
    given = None if snapshot is None else (snapshot.meter, snapshot.period)
    needed = None if price.meter is None else (price.meter, segment)
    if given != needed:
        raise UnratableSnapshot(price, snapshot, segment)
    usage = None if snapshot is None else usage_of(snapshot, price, group)
    steps = _working(usage, price, Share(period, segment), terms)
    if terms is not LIST_TERMS:
        steps = (*agreed_steps(price, terms), *steps, *waived_steps(steps, terms, price.currency))
    return Charge(
        subscription=subscription,
        price=price,
        plan=plan.key,
        plan_version=plan.version,
        snapshot=snapshot,
        period=period,
        segment=segment,
        quantity=shape_flat.quantity_of(terms.quantity) if usage is None else usage.quantity,
        unit=shape_flat.FLAT_UNIT if usage is None else usage.unit,
        amount=exact_sum([step.amount for step in steps]),
        steps=steps,
        program=program,
        group=group,
        terms=terms,
    )


def _working(usage: Usage | None, price: Price, share: Share, terms: Terms) -> Working:
    shape = price.shape
    if isinstance(shape, Flat):
        steps = shape_flat.working(
            shape,
            period=share.period,
            segment=share.segment,
            currency=price.currency,
            quantity=terms.quantity,
        )
        return around(steps, price, share)
    assert usage is not None, "a metered price came with a snapshot"
    before = () if usage.conversion is None else (usage.conversion,)
    priced = metered_working(
        lambda rest: split_working(shape, rest, price, share, terms.prior), usage, price, share
    )
    return (*split_steps(price, share), *before, *around(priced, price, share, interim=terms.interim))
