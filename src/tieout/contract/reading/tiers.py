"""`tiers`: bounds that rise without gap or overlap from zero, of which the last tier, and no other, is open.

A tier begins where the one before ends, so a gap cannot be written; bounds that do not rise would overlap.
"""

from __future__ import annotations

from collections.abc import Sequence

from tieout.contract.price import PercentTier, Tier
from tieout.contract.reading.amounts import read_amount, read_percent, read_settled_amount
from tieout.contract.reading.table import TableReader
from tieout.kernel.limits import TIERS_MAX
from tieout.kernel.money import Currency
from tieout.kernel.quantity import QUANTITY_ZERO, Quantity
from tieout.kernel.rational import Exact


def read_tiers(reader: TableReader, unit: Currency | None) -> tuple[Tier, ...]:
    """`tiers = [{up_to, unit_amount, flat_amount}]`."""
    tiers = tuple(_tier(inner, unit) for inner in reader.tables("tiers"))
    _check(reader, [tier.up_to for tier in tiers])
    return tiers


def read_percent_tiers(reader: TableReader, unit: Currency | None) -> tuple[PercentTier, ...]:
    """`tiers = [{up_to, percent, flat_amount}]`."""
    tiers = tuple(_percent_tier(inner, unit) for inner in reader.tables("tiers"))
    _check(reader, [tier.up_to for tier in tiers])
    return tiers


def _tier(reader: TableReader, unit: Currency | None) -> Tier:
    tier = Tier(
        up_to=reader.quantity("up_to"),
        unit_amount=read_amount(reader, "unit_amount"),
        flat_amount=read_settled_amount(reader, "flat_amount", unit, default=Exact(0)),
    )
    reader.finish()
    return tier


def _percent_tier(reader: TableReader, unit: Currency | None) -> PercentTier:
    tier = PercentTier(
        up_to=reader.quantity("up_to"),
        percent=read_percent(reader, "percent"),
        flat_amount=read_settled_amount(reader, "flat_amount", unit, default=Exact(0)),
    )
    reader.finish()
    return tier


def _check(reader: TableReader, bounds: Sequence[Quantity | None]) -> None:
    if not bounds:
        reader.problem("tiers", "is missing or empty: a price with tiers needs at least one")
        return
    if len(bounds) > TIERS_MAX:
        reader.problem("tiers", f"has {len(bounds)} tiers; at most {TIERS_MAX} are allowed")
    if bounds[-1] is not None:
        reader.problem(f"tiers[{len(bounds) - 1}].up_to", "the last tier must be open: leave up_to out")
    before: Quantity = QUANTITY_ZERO
    for place, bound in enumerate(bounds):
        name = f"tiers[{place}].up_to"
        if bound is None:
            if place < len(bounds) - 1:
                reader.problem(name, "is missing: only the last tier is open")
        elif bound <= before:
            above = f"the tier before ends at {before}" if place else "the first tier begins at 0"
            reader.problem(name, f"{bound} is out of order: {above}")
        else:
            before = bound
