"""What a price may say of its tiers, and of its discounts, where a period is split. A combination without a
meaning is refused here, since at the close it would be a number that nobody agreed to."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from tieout.contract.conversion import priced_unit
from tieout.contract.document import DocumentKind
from tieout.contract.meter import Aggregation, Meter
from tieout.contract.price import (
    STEPPED_SHAPES,
    Matrix,
    Price,
    Volume,
    plain_shapes,
)
from tieout.contract.problem import Problem
from tieout.contract.rules.draft import Draft
from tieout.kernel.instant import Instant


def check_tier_splits(draft: Draft) -> Iterator[Problem]:
    """`restart` has a meaning everywhere; the others need tiers or packages, and usage that adds up."""
    for price in draft.catalog.prices:
        if price.tier_split == "restart":
            continue
        messages = [*_shape_misfits(price), *_meter_misfits(draft, price)]
        if price.tier_split == "continue":
            messages += [*_continue_misfits(price), *_unit_misfits(draft, price)]
        for message in messages:
            yield draft.problem(DocumentKind.PRICE, price, "tier_split", message)
    for key in draft.catalog.prices.keys:
        for before, after in pairwise(draft.catalog.prices.versions(key)):
            for message in _handover_misfits(before, after):
                yield draft.problem(DocumentKind.PRICE, after, "tier_split", message)


def check_discount_ends(draft: Draft) -> Iterator[Problem]:
    """A discount that ends inside a period splits it: a peak would be billed once for each part, and with the
    discount more than without. Unit-hours of parts do add up."""
    for price in draft.catalog.prices:
        ending = [place for place, each in enumerate(price.modifiers.discounts) if each.until is not None]
        meters = _meters(draft, price) if ending else ()
        for meter in meters:
            if meter.aggregation.additive or meter.aggregation is Aggregation.TIME_WEIGHTED:
                continue
            message = (
                f"splits the period, and of meter {meter.key} v{meter.version} the {meter.aggregation} of "
                "each part would be billed; end it by a coupon on this price, which holds for whole periods"
            )
            for place in ending:
                yield draft.problem(DocumentKind.PRICE, price, f"discount[{place}].until", message)


def _shape_misfits(price: Price) -> Iterator[str]:
    if not any(isinstance(shape, STEPPED_SHAPES) for shape in plain_shapes(price.shape)):
        yield f"{price.tier_split} means nothing for a price without tiers or packages; leave it out"
    elif price.per_event:
        yield f"{price.tier_split} means nothing per event: each event is rated as if it were all the usage"


def _continue_misfits(price: Price) -> Iterator[str]:
    if isinstance(price.shape, Volume):
        yield "continue is not for volume: a new version would rate anew what was billed under the old one"
    if isinstance(price.shape, Matrix):
        yield "continue is not for matrix: it would need the usage before for each cell"
    if price.group_by:
        yield "continue is not for group_by: it would need the usage before for each line; use restart"
    if price.modifiers.allowance is not None:
        yield "continue does not go with an allowance; write the free units as a first tier at 0"


def _meters(draft: Draft, price: Price) -> tuple[Meter, ...]:
    if price.meter is None:
        return ()
    until = draft.catalog.prices.until(price)
    return draft.catalog.meters.during(price.meter, price.effective_from, until)


def _meter_misfits(draft: Draft, price: Price) -> Iterator[str]:
    for meter in _meters(draft, price):
        if not meter.aggregation.additive:
            yield (
                f"{price.tier_split} means nothing for meter {meter.key} v{meter.version}: the "
                f"{meter.aggregation} of the parts of a period does not add up to that of the whole"
            )


def _unit_misfits(draft: Draft, price: Price) -> Iterator[str]:
    """Also from the last instant of the version before, since this one goes on from there."""
    if price.meter is None:
        return
    until = draft.catalog.prices.until(price)
    meters = draft.catalog.meters.during(price.meter, Instant(price.effective_from - 1), until)
    for before, after in pairwise(meters):
        if _counted(before) != _counted(after):
            yield (
                f"continue would add {_unit(before)} of meter {before.key} v{before.version} to "
                f"{_unit(after)} of v{after.version}, which counts something else; use restart"
            )


def _counted(meter: Meter) -> tuple[str, Aggregation, str | None]:
    return _unit(meter), meter.aggregation, meter.field


def _unit(meter: Meter) -> str:
    return priced_unit(meter.unit, meter.conversion)


def _handover_misfits(before: Price, after: Price) -> Iterator[str]:
    """A version that continues goes on from the usage under the one before it."""
    if after.tier_split != "continue":
        return
    if before.meter != after.meter:
        yield f"continue goes on from v{before.version}, which is for meter {before.meter or 'none'}"
    if type(before.shape) is not type(after.shape):
        kinds = [type(price.shape).__name__ for price in (before, after)]
        yield f"continue goes on from v{before.version}, whose shape is {kinds[0]}, not {kinds[1]}"
