"""The members of each shape that rates usage.

per_unit: unit_amount, per; graduated, volume: tiers, per; package: amount, size, last; graduated_percentage:
tiers, amount_in; percentage: percent, fixed, event_minimum, event_maximum, amount_in; dynamic: amount_field,
amount_in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from tieout.contract.price import (
    Dynamic,
    Graduated,
    GraduatedPercentage,
    Package,
    Percentage,
    PerUnit,
    PlainShape,
    Volume,
)
from tieout.contract.reading.amounts import (
    read_amount,
    read_amount_in,
    read_optional_amount,
    read_per,
    read_percent,
)
from tieout.contract.reading.table import TableReader
from tieout.contract.reading.tiers import read_percent_tiers, read_tiers
from tieout.kernel.money import Currency
from tieout.kernel.quantity import QUANTITY_ZERO, Quantity
from tieout.kernel.rational import Exact, exact_text
from tieout.kernel.rounding import Rounding

PlainReader = Callable[[TableReader, Currency | None], PlainShape]


class ShapeName(StrEnum):
    """Shapes by the name that documents give them."""

    PER_UNIT = "per_unit"
    GRADUATED = "graduated"
    VOLUME = "volume"
    PACKAGE = "package"
    GRADUATED_PERCENTAGE = "graduated_percentage"
    PERCENTAGE = "percentage"
    DYNAMIC = "dynamic"
    MATRIX = "matrix"
    FLAT = "flat"


class LastPackage(StrEnum):
    """What a package that is not full costs: as much as a full one, or nothing."""

    UP = "up"
    DOWN = "down"


def read_plain_shape(reader: TableReader, name: ShapeName, unit: Currency | None) -> PlainShape:
    """The shape of that name, one of `PLAIN_SHAPES`, from the members beside it."""
    return PLAIN_SHAPES[name](reader, unit)


def _per_unit(reader: TableReader, unit: Currency | None) -> PlainShape:
    del unit  # a unit amount may be any fraction of a minor unit
    return PerUnit(unit_amount=read_amount(reader, "unit_amount"), per=read_per(reader))


def _graduated(reader: TableReader, unit: Currency | None) -> PlainShape:
    return Graduated(tiers=read_tiers(reader, unit), per=read_per(reader))


def _volume(reader: TableReader, unit: Currency | None) -> PlainShape:
    return Volume(tiers=read_tiers(reader, unit), per=read_per(reader))


def _package(reader: TableReader, unit: Currency | None) -> PlainShape:
    del unit
    size = reader.quantity("size")
    if not reader.has("size"):
        reader.problem("size", "is missing: how many units a package holds")
    elif size is not None and size <= QUANTITY_ZERO:
        reader.problem("size", f"{size} is no size: a package holds more than 0 units")
    last = reader.choice("last", LastPackage, default=LastPackage.UP)
    return Package(
        amount=read_amount(reader, "amount"),
        size=Quantity.of(1) if size is None else size,
        last=Rounding.UP if last is LastPackage.UP else Rounding.DOWN,
    )


def _graduated_percentage(reader: TableReader, unit: Currency | None) -> PlainShape:
    return GraduatedPercentage(tiers=read_percent_tiers(reader, unit), amount_in=read_amount_in(reader))


def _percentage(reader: TableReader, unit: Currency | None) -> PlainShape:
    del unit
    least = read_optional_amount(reader, "event_minimum")
    most = read_optional_amount(reader, "event_maximum")
    if least is not None and most is not None and least > most:
        message = f"{exact_text(least)} is more than event_maximum {exact_text(most)}"
        reader.problem("event_minimum", message)
    return Percentage(
        percent=read_percent(reader, "percent"),
        fixed=read_amount(reader, "fixed", default=Exact(0)),
        event_minimum=least,
        event_maximum=most,
        amount_in=read_amount_in(reader),
    )


def _dynamic(reader: TableReader, unit: Currency | None) -> PlainShape:
    del unit
    return Dynamic(amount_field=reader.text("amount_field"), amount_in=read_amount_in(reader))


PLAIN_SHAPES: Mapping[ShapeName, PlainReader] = {
    ShapeName.PER_UNIT: _per_unit,
    ShapeName.GRADUATED: _graduated,
    ShapeName.VOLUME: _volume,
    ShapeName.PACKAGE: _package,
    ShapeName.GRADUATED_PERCENTAGE: _graduated_percentage,
    ShapeName.PERCENTAGE: _percentage,
    ShapeName.DYNAMIC: _dynamic,
}
"""Those that a cell of a matrix can have too."""
