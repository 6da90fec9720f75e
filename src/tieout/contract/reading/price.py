"""[[price]]: key, version, effective_from, meter, currency, description, shape with its members (`shape.py`,
`matrix.py`; flat: amount, timing), rounding, tier_split, rate_by, round_at, group_by, tax_category,
supersedes, and modifiers (`modifiers.py`)."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from tieout.contract.price import Flat, Percentage, Price, PriceShape, TierSplit, plain_shapes
from tieout.contract.reading.amounts import read_settled_amount
from tieout.contract.reading.head import VERSION_MAX, Head
from tieout.contract.reading.matrix import read_matrix
from tieout.contract.reading.modifiers import read_modifiers
from tieout.contract.reading.shape import ShapeName, read_plain_shape
from tieout.contract.reading.table import TableReader
from tieout.contract.tax import STANDARD_CATEGORY
from tieout.kernel.ids import MeterKey, PriceKey
from tieout.kernel.limits import PRICES_PER_PLAN_MAX
from tieout.kernel.money import Currency, UnknownCurrency, currency
from tieout.kernel.rounding import Rounding


class TierSplitName(StrEnum):
    """What tiers and packages do where a period is split."""

    RESTART = "restart"
    CONTINUE = "continue"
    PRORATE = "prorate"


class RateBy(StrEnum):
    """Whether all the usage of a line is rated together, or each event alone."""

    LINE = "line"
    EVENT = "event"


class RoundAt(StrEnum):
    """What is rounded to minor units: the line, or what each event costs."""

    LINE = "line"
    EVENT = "event"


class TimingName(StrEnum):
    """With which invoice a fee is due: that of its own period, or the one before."""

    ARREARS = "arrears"
    ADVANCE = "advance"


def read_price(reader: TableReader, head: Head) -> Price:
    """Amounts are exact and never negative; fixed amounts must exist in the currency's minor unit."""
    unit = read_currency(reader)
    name = reader.choice("shape", ShapeName)
    meter = reader.optional_text("meter")
    if name is ShapeName.FLAT and meter is not None:
        reader.problem("meter", "means nothing for a flat price, which does not depend on usage")
    if name is not ShapeName.FLAT and meter is None:
        reader.problem("meter", f"is missing: a {name} price needs the meter it is for")
    tier_split: TierSplit = reader.choice("tier_split", TierSplitName, default=TierSplitName.RESTART).value
    shape = _shape(reader, name, unit)
    per_event, round_at = _per_event(reader, shape)
    group_by = () if name is ShapeName.FLAT else tuple(sorted(reader.texts("group_by")))
    return Price(
        key=PriceKey(head.key),
        version=head.version,
        effective_from=head.effective_from,
        meter=None if meter is None else MeterKey(meter),
        currency="" if unit is None else unit.code,
        description=reader.text("description"),
        shape=shape,
        rounding=reader.choice("rounding", Rounding, default=Rounding.HALF_AWAY_FROM_ZERO),
        tier_split=tier_split,
        digest=head.digest,
        tax_category=reader.optional_text("tax_category") or STANDARD_CATEGORY,
        per_event=per_event,
        round_at=round_at,
        group_by=group_by,
        modifiers=read_modifiers(reader, unit),
        supersedes=reader.optional_integer("supersedes", minimum=1, maximum=VERSION_MAX),
    )


def read_currency(reader: TableReader) -> Currency | None:
    """The document's `currency`, an ISO 4217 code in capitals; None where it is not one."""
    code = reader.text("currency")
    try:
        return currency(code) if code else None
    except UnknownCurrency as error:
        reader.problem("currency", str(error).removesuffix("."))
        return None


def read_listed_prices(reader: TableReader, *, at_least: int) -> tuple[PriceKey, ...]:
    """The keys in `prices` of a plan or a program."""
    keys = tuple(PriceKey(key) for key in reader.texts("prices", at_least=at_least))
    if len(keys) > PRICES_PER_PLAN_MAX:
        reader.problem("prices", f"has {len(keys)} prices; at most {PRICES_PER_PLAN_MAX} are allowed")
    return keys


def _shape(reader: TableReader, name: ShapeName, unit: Currency | None) -> PriceShape:
    if name is ShapeName.FLAT:
        return _flat(reader, unit)
    if name is ShapeName.MATRIX:
        return read_matrix(reader, unit)
    return read_plain_shape(reader, name, unit)


def _flat(reader: TableReader, unit: Currency | None) -> Flat:
    timing = reader.choice("timing", TimingName, default=TimingName.ARREARS)
    return Flat(
        amount=read_settled_amount(reader, "amount", unit),
        timing="advance" if timing is TimingName.ADVANCE else "arrears",
    )


def _per_event(reader: TableReader, shape: PriceShape) -> tuple[bool, Literal["line", "event"]]:
    """Bounds on what one event costs rate each event alone as well."""
    if isinstance(shape, Flat):
        return False, "line"  # members that a flat price does not have are reported as unknown
    per_event = reader.choice("rate_by", RateBy, default=RateBy.LINE) is RateBy.EVENT
    round_at = reader.choice("round_at", RoundAt, default=RoundAt.LINE)
    bounded = all(isinstance(each, Percentage) and each.bounds_events for each in plain_shapes(shape))
    if round_at is RoundAt.EVENT and not (per_event or bounded):
        reader.problem(
            "round_at", 'rounds what each event costs, but they are rated together: set rate_by = "event"'
        )
    return per_event, "event" if round_at is RoundAt.EVENT else "line"
