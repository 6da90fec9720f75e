"""Conversion: metered usage in the unit that prices are for, divided and rounded once, as the meter says.

A price that rates a window's usage as a whole converts the whole. One that rates groups, or each event alone,
converts each of them: what is rated is what was rounded, and the charge's quantity is the sum of the parts.
"""

from __future__ import annotations

from dataclasses import replace

from tieout.aggregate.breakdown import UsageGroup
from tieout.contract.conversion import Conversion
from tieout.kernel.quantity import Quantity
from tieout.kernel.rational import exact_text
from tieout.kernel.rounding import quantize
from tieout.kernel.working import Step, remark
from tieout.rate.wording import grouped, rounding_text, usage_text


def converted(quantity: Quantity, conversion: Conversion | None) -> Quantity:
    """The quantity in the conversion's unit; as it is without one."""
    if conversion is None:
        return quantity
    exact = quantity.as_fraction() / conversion.divide_by
    return quantize(exact, conversion.places, conversion.rounding)


def converted_group(group: UsageGroup, conversion: Conversion | None) -> UsageGroup:
    """The group as prices see it: one of events of equal value is so many times the converted value."""
    if conversion is None:
        return group
    if group.value is None:
        return replace(group, quantity=converted(group.quantity, conversion))
    value = converted(group.value, conversion)
    return replace(group, value=value, quantity=Quantity(value.atoms * group.event_count))


def conversion_step(
    conversion: Conversion, *, measured: Quantity, unit: str, billed: Quantity, parts: int | None
) -> Step:
    """`1,500,000 bytes divided by 1,000,000, rounded away from zero to 1 decimal place, are 1.5 MB`.

    `parts`: how many groups were converted apart.
    """
    places = {0: "whole units", 1: "1 decimal place"}.get(
        conversion.places, f"{conversion.places} decimal places"
    )
    each = "" if parts in (None, 1) else f" in each of {parts:,} groups"
    text = (
        f"{usage_text(measured, unit)} divided by {grouped(exact_text(conversion.divide_by))}, "
        f"rounded {rounding_text(conversion.rounding)} to {places}{each}, "
        f"are {usage_text(billed, conversion.unit)}"
    )
    return remark("conversion", text)
