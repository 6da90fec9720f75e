"""Rating: one snapshot under one price version for one part of a period. Same inputs, same bytes (L9).

Where a period is split, each part is rated alone, and its working says what tiers do (`split`) and what the
subscription agreed beside the price (`agreed`).
"""

from __future__ import annotations

from tieout.aggregate.snapshot import Snapshot
from tieout.contract.plan import Plan
from tieout.contract.price import Flat, Graduated, Matrix, PerUnit, Price
from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.ids import SubscriptionId
from tieout.kernel.period import Period
from tieout.kernel.quantity import Quantity
from tieout.kernel.rational import Exact
from tieout.kernel.working import Working
from tieout.rate import shape_flat, shape_graduated, shape_per_unit
from tieout.rate.agreed import agreed_steps, waived_steps
from tieout.rate.charge import Charge
from tieout.rate.split import Part, split_working
from tieout.rate.terms import LIST_TERMS, Terms

FLAT_UNIT = "fee"


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
    terms: Terms = LIST_TERMS,
) -> Charge:
    """What `price` asks for `segment` of the billing period `period`; exact, in whole units of the currency.

    A metered price needs the snapshot of its meter over exactly `segment`, a flat one needs None:
    anything else raises `UnratableSnapshot`.
    """
    given = None if snapshot is None else (snapshot.meter, snapshot.period)
    needed = None if price.meter is None else (price.meter, segment)
    if given != needed:
        raise UnratableSnapshot(price, snapshot, segment)
    rated = _working(snapshot, price, period=period, segment=segment, terms=terms)
    steps = (*agreed_steps(price, terms), *rated, *waived_steps(rated, terms, price.currency))
    return Charge(
        subscription=subscription,
        price=price,
        plan=plan.key,
        plan_version=plan.version,
        snapshot=snapshot,
        period=period,
        segment=segment,
        quantity=shape_flat.quantity_of(terms.quantity) if snapshot is None else snapshot.quantity,
        unit=FLAT_UNIT if snapshot is None else snapshot.unit,
        amount=sum((step.amount for step in steps), Exact(0)),
        steps=steps,
        terms=terms,
    )


def _working(
    snapshot: Snapshot | None, price: Price, *, period: Period, segment: Period, terms: Terms
) -> Working:
    shape = price.shape
    if isinstance(shape, Flat):
        return shape_flat.working(
            shape, period=period, segment=segment, currency=price.currency, quantity=terms.quantity
        )
    if snapshot is None or isinstance(shape, Matrix):
        raise UnratableSnapshot(price, snapshot, segment)
    used, unit = snapshot.quantity, snapshot.unit

    def rated(quantity: Quantity) -> Working:
        if isinstance(shape, PerUnit):
            return shape_per_unit.working(shape, quantity, unit=unit, currency=price.currency)
        if isinstance(shape, Graduated):
            return shape_graduated.working(shape, quantity, unit=unit, currency=price.currency)
        raise UnratableSnapshot(price, snapshot, segment)

    part = Part(period, segment, price.tier_split, terms.prior)
    return split_working(rated, shape, used, part, unit=unit, currency=price.currency)
