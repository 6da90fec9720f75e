"""allowance, [[price.discount]] with name, percent or amount, and until; minimum, maximum, prorate."""

from __future__ import annotations

from tieout.contract.modifiers import NO_MODIFIERS, Allowance, Discount, Modifiers
from tieout.contract.reading.amounts import read_percent, read_settled_amount
from tieout.contract.reading.table import TableReader
from tieout.kernel.limits import DISCOUNT_PERCENT_MAX, DISCOUNTS_MAX
from tieout.kernel.money import Currency
from tieout.kernel.quantity import QUANTITY_ZERO
from tieout.kernel.rational import Exact, exact_text


def read_modifiers(reader: TableReader, unit: Currency | None) -> Modifiers:
    """`NO_MODIFIERS` for a document that names none."""
    tables = reader.tables("discount")
    if len(tables) > DISCOUNTS_MAX:
        reader.problem("discount", f"has {len(tables)} discounts; at most {DISCOUNTS_MAX} are allowed")
    discounts = tuple(_discount(inner, unit) for inner in tables)
    names = [discount.name for discount in discounts]
    for place, name in enumerate(names):
        if name in names[:place]:
            reader.problem(f"discount[{place}].name", "is that of another discount of this price")
    least, most = _optional(reader, "minimum", unit), _optional(reader, "maximum", unit)
    if least is not None and most is not None and least > most:
        reader.problem("minimum", f"{exact_text(least)} is more than maximum {exact_text(most)}")
    found = Modifiers(
        allowance=_allowance(reader),
        discounts=discounts,
        minimum=least,
        maximum=most,
        prorate=reader.boolean("prorate", default=True),
    )
    counted = (found.allowance, found.minimum, found.maximum, *(each.amount for each in discounts))
    if reader.has("prorate") and all(each is None for each in counted):
        message = "means nothing without an allowance, an amount of a discount, a minimum or a maximum"
        reader.problem("prorate", message)
    return NO_MODIFIERS if found == NO_MODIFIERS else found


def _allowance(reader: TableReader) -> Allowance | None:
    units = reader.quantity("allowance")
    if units is None:
        return None
    if units <= QUANTITY_ZERO:
        reader.problem("allowance", f"{units} is no allowance: it must be above zero")
    return Allowance(units)


def _optional(reader: TableReader, name: str, unit: Currency | None) -> Exact | None:
    return read_settled_amount(reader, name, unit) if reader.has(name) else None


def _discount(reader: TableReader, unit: Currency | None) -> Discount:
    percent, amount = reader.has("percent"), reader.has("amount")
    if percent == amount:
        message = "stands beside amount; give one of the two" if percent else "is missing, and so is amount"
        reader.problem("percent", message)
    found = Discount(
        name=reader.text("name"),
        percent=read_percent(reader, "percent", maximum=DISCOUNT_PERCENT_MAX) if percent else None,
        amount=read_settled_amount(reader, "amount", unit) if amount else None,
        until=reader.instant("until") if reader.has("until") else None,
    )
    for name, value in (("percent", found.percent), ("amount", found.amount)):
        if value == 0:
            reader.problem(name, "takes nothing off: it must be above zero")
    reader.finish()
    return found
