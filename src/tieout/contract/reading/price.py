"""[[price]]: key, version, effective_from, meter, currency, description, shape, rounding, tier_split, and by
shape: per_unit: unit_amount, per; graduated: per, tiers = [{up_to, unit_amount, flat_amount}]; flat:
amount."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from tieout.contract.price import Flat, Graduated, PerUnit, Price, PriceShape, Tier, TierSplit
from tieout.contract.reading.head import Head
from tieout.contract.reading.table import TableReader
from tieout.kernel.ids import MeterKey, PriceKey
from tieout.kernel.limits import TIERS_MAX
from tieout.kernel.money import Currency, UnknownCurrency, currency
from tieout.kernel.quantity import QUANTITY_ZERO, Quantity
from tieout.kernel.rational import Exact, exact_text
from tieout.kernel.rounding import Rounding

ShapeReader = Callable[[TableReader, Currency | None], PriceShape]


class ShapeName(StrEnum):
    """Shapes by the name that documents give them."""

    PER_UNIT = "per_unit"
    GRADUATED = "graduated"
    FLAT = "flat"


class TierSplitName(StrEnum):
    """What tiers and packages do where a period is split."""

    RESTART = "restart"
    CONTINUE = "continue"
    PRORATE = "prorate"


def read_price(reader: TableReader, head: Head) -> Price:
    """Amounts are exact and never negative; fixed amounts must exist in the currency's minor unit."""
    unit = read_currency(reader)
    shape = reader.choice("shape", ShapeName)
    meter = reader.optional_text("meter")
    if shape is ShapeName.FLAT and meter is not None:
        reader.problem("meter", "means nothing for a flat price, which does not depend on usage")
    if shape is not ShapeName.FLAT and meter is None:
        reader.problem("meter", f"is missing: a {shape} price needs the meter it is for")
    tier_split: TierSplit = reader.choice("tier_split", TierSplitName, default=TierSplitName.RESTART).value
    return Price(
        key=PriceKey(head.key),
        version=head.version,
        effective_from=head.effective_from,
        meter=None if meter is None else MeterKey(meter),
        currency="" if unit is None else unit.code,
        description=reader.text("description"),
        shape=SHAPES[shape](reader, unit),
        rounding=reader.choice("rounding", Rounding, default=Rounding.HALF_AWAY_FROM_ZERO),
        tier_split=tier_split,
        digest=head.digest,
    )


def read_currency(reader: TableReader) -> Currency | None:
    """The document's `currency`, an ISO 4217 code in capitals; None where it is not one."""
    code = reader.text("currency")
    try:
        return currency(code) if code else None
    except UnknownCurrency as error:
        reader.problem("currency", str(error).removesuffix("."))
        return None


def _per_unit(reader: TableReader, unit: Currency | None) -> PriceShape:
    del unit  # a unit amount may be any fraction of a minor unit
    return PerUnit(unit_amount=_amount(reader, "unit_amount"), per=_per(reader))


def _flat(reader: TableReader, unit: Currency | None) -> PriceShape:
    return Flat(amount=_settled_amount(reader, "amount", unit))


def _graduated(reader: TableReader, unit: Currency | None) -> PriceShape:
    inner = reader.tables("tiers")
    tiers = tuple(_tier(tier, unit) for tier in inner)
    _check_tiers(reader, tiers)
    return Graduated(tiers=tiers, per=_per(reader))


SHAPES: Mapping[ShapeName, ShapeReader] = {
    ShapeName.PER_UNIT: _per_unit,
    ShapeName.GRADUATED: _graduated,
    ShapeName.FLAT: _flat,
}


def _tier(reader: TableReader, unit: Currency | None) -> Tier:
    tier = Tier(
        up_to=reader.quantity("up_to"),
        unit_amount=_amount(reader, "unit_amount"),
        flat_amount=_settled_amount(reader, "flat_amount", unit, default=Exact(0)),
    )
    reader.finish()
    return tier


def _check_tiers(reader: TableReader, tiers: tuple[Tier, ...]) -> None:
    """Bounds rise from above zero, and the last tier, and no other, is open."""
    if not tiers:
        reader.problem("tiers", "is missing or empty: a graduated price needs at least one tier")
        return
    if len(tiers) > TIERS_MAX:
        reader.problem("tiers", f"has {len(tiers)} tiers; at most {TIERS_MAX} are allowed")
    if tiers[-1].up_to is not None:
        reader.problem(f"tiers[{len(tiers) - 1}].up_to", "the last tier must be open: leave up_to out")
    before: Quantity = QUANTITY_ZERO
    for place, tier in enumerate(tiers):
        name = f"tiers[{place}].up_to"
        if tier.up_to is None:
            if place < len(tiers) - 1:
                reader.problem(name, "is missing: only the last tier is open")
        elif tier.up_to <= before:
            above = f"the tier before ends at {before}" if place else "the first tier begins at 0"
            reader.problem(name, f"{tier.up_to} is out of order: {above}")
        else:
            before = tier.up_to


def _per(reader: TableReader) -> Exact:
    per = reader.exact("per", default=Exact(1))
    if per <= 0:
        reader.problem("per", "must be above zero")
    return per


def _amount(reader: TableReader, name: str, *, default: Exact | None = None) -> Exact:
    amount = reader.exact(name, default=default)
    if amount < 0:
        reader.problem(name, f"{exact_text(amount)} is negative")
    return amount


def _settled_amount(
    reader: TableReader, name: str, unit: Currency | None, *, default: Exact | None = None
) -> Exact:
    """A fixed amount is money as it stands, so it must be a whole number of minor units."""
    amount = _amount(reader, name, default=default)
    if unit is not None and (amount * 10**unit.exponent).denominator != 1:
        places = (
            f"{unit.exponent} decimal place{'' if unit.exponent == 1 else 's'}"
            if unit.exponent
            else "no decimals"
        )
        reader.problem(name, f"{exact_text(amount)} {unit.code} does not exist: {unit.code} has {places}")
    return amount
