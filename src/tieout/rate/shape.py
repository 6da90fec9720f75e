"""The working of any shape over the usage of one charge."""

from __future__ import annotations

from typing import Final, assert_never

from tieout.contract.price import (
    STEPPED_SHAPES,
    Dynamic,
    Graduated,
    GraduatedPercentage,
    Matrix,
    MeteredShape,
    Package,
    Percentage,
    PerUnit,
    PlainShape,
    Price,
    Volume,
    plain_shapes,
)
from tieout.kernel.quantity import QUANTITY_ZERO
from tieout.kernel.rational import Exact
from tieout.kernel.working import Working
from tieout.rate import (
    per_event,
    shape_dynamic,
    shape_graduated,
    shape_graduated_percentage,
    shape_matrix,
    shape_package,
    shape_per_unit,
    shape_percentage,
    shape_volume,
)
from tieout.rate.needs import breakdown_of, rates_each_event
from tieout.rate.prorate import prorated_working
from tieout.rate.usage import Usage

WHOLE: Final = Exact(1)


def working(shape: MeteredShape, usage: Usage, price: Price, *, tiers: Exact = WHOLE) -> Working:
    """Steps whose quantities add up to the usage. `shape` is that of `price`; of tiers and packages the share
    `tiers` counts. Raises `NoCellFits`."""
    if not isinstance(shape, Matrix):
        return _plain_or_per_event(shape, usage, price, tiers)
    if not usage.groups:
        return shape_matrix.nothing(usage)
    dimensions = breakdown_of(price).dimensions
    return tuple(
        step
        for label, inner, part in shape_matrix.parts(shape, usage, dimensions)
        for step in shape_matrix.labelled(label, _plain_or_per_event(inner, part, price, tiers))
    )


def has_tiers(price: Price) -> bool:
    """Whether it matters to the price how usage is cut into parts."""
    return not price.per_event and any(
        isinstance(shape, STEPPED_SHAPES) for shape in plain_shapes(price.shape)
    )


def plain_working(shape: PlainShape, usage: Usage, currency: str, *, of_one_event: bool = False) -> Working:
    """The steps of one shape over usage that is rated together. `of_one_event`: it is a single event, so
    that what bounds an event bounds it."""
    quantity, unit = usage.quantity, usage.unit
    match shape:
        case PerUnit():
            return shape_per_unit.working(shape, quantity, unit=unit, currency=currency)
        case Graduated():
            return shape_graduated.working(shape, quantity, unit=unit, currency=currency)
        case Volume():
            return shape_volume.working(shape, quantity, unit=unit, currency=currency)
        case Package():
            return shape_package.working(shape, quantity, unit=unit, currency=currency)
        case GraduatedPercentage():
            return shape_graduated_percentage.working(shape, quantity, currency=currency)
        case Percentage():
            if of_one_event:
                return shape_percentage.event_working(shape, quantity, currency=currency)
            return shape_percentage.working(shape, quantity, usage.event_count, currency=currency)
        case Dynamic():
            stated = QUANTITY_ZERO if usage.amount is None else usage.amount
            return shape_dynamic.working(
                shape, quantity, usage.event_count, stated=stated, unit=unit, currency=currency
            )
        case _:
            assert_never(shape)


def _plain_or_per_event(shape: PlainShape, usage: Usage, price: Price, tiers: Exact) -> Working:
    if not rates_each_event(price, shape):
        if tiers is not WHOLE and isinstance(shape, STEPPED_SHAPES):
            return prorated_working(shape, usage.quantity, tiers, unit=usage.unit, currency=price.currency)
        return plain_working(shape, usage, price.currency)

    def rated(one: Usage) -> Working:
        return plain_working(shape, one, price.currency, of_one_event=True)

    return per_event.working(rated, usage, price)
