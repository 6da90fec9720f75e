"""What a price needs to know of its usage must be something that its meter, and the events it meets, can
tell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations

from tieout.contract.document import DocumentKind
from tieout.contract.event_contract import EventContract, Use
from tieout.contract.meter import Aggregation, Meter
from tieout.contract.price import (
    Dynamic,
    Flat,
    GraduatedPercentage,
    Matrix,
    Percentage,
    Price,
    plain_shapes,
)
from tieout.contract.problem import Problem
from tieout.contract.rules.draft import Draft
from tieout.contract.rules.metering import named, undeclared, value_misfit
from tieout.kernel.ids import MeterKey

Misfit = tuple[str, str]


def check_measuring(draft: Draft) -> Iterator[Problem]:
    """Each price against every meter version, and every contract version, that it can come to rate."""
    catalog = draft.catalog
    for price in catalog.prices:
        if price.meter is None:
            continue
        until = catalog.prices.until(price)
        contracts: list[EventContract] = []
        for meter in catalog.meters.during(price.meter, price.effective_from, until):
            start = max(price.effective_from, meter.effective_from)
            found = catalog.events.during(meter.event, start, until)
            contracts += found
            for name, message in (*_meter_misfits(price, meter), *_field_misfits(price, found)):
                yield draft.problem(DocumentKind.PRICE, price, name, message)
        for name, message in _cell_misfits(price, contracts):
            yield draft.problem(DocumentKind.PRICE, price, name, message)
    yield from _two_amount_fields(draft)


def _meter_misfits(price: Price, meter: Meter) -> Iterator[Misfit]:
    stated = f"meter {meter.key} v{meter.version}"
    for name, dimension in _dimensions(price):
        if dimension not in meter.dimensions:
            yield name, f"{stated} declares no dimension {dimension!r}"
    shapes = list(plain_shapes(price.shape))
    if meter.aggregation is Aggregation.COUNT and any(
        isinstance(shape, Percentage | GraduatedPercentage) for shape in shapes
    ):
        yield "meter", f"a percentage is of an amount of money, but {stated} counts events"
    if not meter.aggregation.additive:
        for name, what in _parts_needed(price):
            yield name, f"{what}, but {stated} takes the {meter.aggregation} of all events together"


def _dimensions(price: Price) -> Iterator[tuple[str, str]]:
    """(member, dimension). Reading sorted them, so the member is named as a whole."""
    yield from (("group_by", dimension) for dimension in price.group_by)
    if isinstance(price.shape, Matrix):
        yield from (("dimensions", dimension) for dimension in price.shape.dimensions)


def _parts_needed(price: Price) -> Iterator[Misfit]:
    """Members for which usage must be the sum of its events."""
    shape = price.shape
    if isinstance(shape, Flat):
        return
    if isinstance(shape, Matrix):
        yield "shape", "a matrix rates parts of the usage"
    if price.group_by:
        yield "group_by", "each group is a part of the usage"
    if price.per_event:
        yield "rate_by", "each event is rated alone"
    for each in plain_shapes(shape):
        if isinstance(each, Dynamic):
            yield "shape", "a dynamic price adds up what events state"
        if isinstance(each, Percentage) and (each.fixed != 0 or each.bounds_events):
            yield "shape", "a fixed part and bounds are for each event"


def _field_misfits(price: Price, contracts: Iterable[EventContract]) -> Iterator[Misfit]:
    fields = {shape.amount_field for shape in plain_shapes(price.shape) if isinstance(shape, Dynamic)}
    for name in sorted(fields):
        for contract in contracts:
            field = contract.field(name)
            if field is None:
                yield "amount_field", undeclared(name, contract)
            elif not field.type.numeric:
                yield "amount_field", f"is an amount of money, but {named(field, contract)}"
            elif field.use is not Use.BILLING:
                message = "so events could come without a price, and would not be counted for any price"
                yield (
                    "amount_field",
                    f'{name} is not of use "billing" in {contract.type} v{contract.version}, {message}',
                )


def _cell_misfits(price: Price, contracts: Iterable[EventContract]) -> Iterator[Misfit]:
    """A value that no event can have under any of the contracts is a cell that nothing ever reaches."""
    if not isinstance(price.shape, Matrix):
        return
    known = list(contracts)
    for place, cell in enumerate(price.shape.cells):
        for name, value in cell.when:
            fields = [(field, contract) for contract in known if (field := contract.field(name)) is not None]
            why = [value_misfit(value, field, contract) for field, contract in fields]
            if why and all(each is not None for each in why):
                yield f"cell[{place}].when.{name}", f"can never be reached: {why[-1]}"


def _two_amount_fields(draft: Draft) -> Iterator[Problem]:
    """One snapshot serves all prices of a meter, and adds up one amount beside the metered quantity."""
    stated: dict[MeterKey, list[tuple[Price, str]]] = {}
    for price in draft.catalog.prices:
        for shape in plain_shapes(price.shape):
            if isinstance(shape, Dynamic) and price.meter is not None:
                stated.setdefault(price.meter, []).append((price, shape.amount_field))
    for meter, found in stated.items():
        for (before, one), (after, other) in combinations(dict.fromkeys(found), 2):
            if one != other and before.key != after.key and _overlap(draft, before, after):
                name = f"price {before.key} v{before.version}"
                message = f"is {other!r}, but {name} adds up {one!r} of {meter}; they must be one field"
                yield draft.problem(DocumentKind.PRICE, after, "amount_field", message)


def _overlap(draft: Draft, one: Price, other: Price) -> bool:
    ends = [draft.catalog.prices.until(each) for each in (one, other)]
    end = min((each for each in ends if each is not None), default=None)
    return end is None or max(one.effective_from, other.effective_from) < end
