"""How finely a price must know the usage that it rates."""

from __future__ import annotations

from tieout.aggregate.breakdown import NO_BREAKDOWN, Breakdown
from tieout.contract.price import (
    Dynamic,
    Flat,
    Graduated,
    GraduatedPercentage,
    Matrix,
    Package,
    Percentage,
    PerUnit,
    PlainShape,
    Price,
    Volume,
    plain_shapes,
)

TOTAL_ALONE = (Flat, PerUnit, Graduated, Volume, Package, GraduatedPercentage)
"""Shapes that by themselves need no more than what all the usage comes to."""


def breakdown_of(price: Price) -> Breakdown:
    """What its snapshots must be broken down by; nothing for a price that needs the total alone."""
    if isinstance(price.shape, TOTAL_ALONE) and not price.group_by and not price.per_event:
        return NO_BREAKDOWN
    shapes = list(plain_shapes(price.shape))
    dimensions = {*price.group_by, *(price.shape.dimensions if isinstance(price.shape, Matrix) else ())}
    fields = {shape.amount_field for shape in shapes if isinstance(shape, Dynamic)}
    assert len(fields) <= 1, "a price names one amount field"
    return Breakdown(tuple(sorted(dimensions)), is_rated_per_event(price), next(iter(fields), None))


def is_rated_per_event(price: Price) -> bool:
    """Whether any of its shapes rates each event alone."""
    return any(rates_each_event(price, shape) for shape in plain_shapes(price.shape))


def rates_each_event(price: Price, shape: PlainShape | Flat) -> bool:
    """Whether the price says so, or this shape bounds what one event costs; the other cells of a matrix go on
    rating all their usage together."""
    bounded = isinstance(shape, Percentage) and shape.bounds_events
    return bounded or (price.per_event and not isinstance(shape, Flat))
