"""What a charge must be for, by code of reconciliation's own: a conversion divides whole numbers here."""

from __future__ import annotations

from tieout.aggregate.snapshot import Snapshot
from tieout.contract.conversion import Conversion
from tieout.contract.price import Price
from tieout.kernel.limits import FRACTION_DIGITS_MAX
from tieout.kernel.quantity import Quantity
from tieout.kernel.rounding import Rounding
from tieout.rate.needs import breakdown_of


def billed_quantity(
    snapshot: Snapshot, price: Price, group: tuple[tuple[str, str | None], ...] = ()
) -> Quantity:
    """The snapshot's usage of the group's events, or of all, as a charge of the price states it."""
    want = breakdown_of(price)
    if not want:
        return Quantity(_converted(snapshot.quantity.atoms, snapshot.conversion))
    dimensions, wanted = snapshot.breakdown.dimensions, set(group)
    parts: dict[tuple[object, ...], tuple[int, int]] = {}
    for each in snapshot.groups:
        named = dict(zip(dimensions, each.values, strict=True))
        if not wanted <= set(named.items()):
            continue
        key = [named[name] for name in want.dimensions]
        part = (*key, each.value, each.each_amount) if want.by_value else tuple(key)
        atoms, count = parts.get(part, (0, 0))
        parts[part] = (atoms + each.quantity.atoms, count + each.event_count)
    total = 0
    for atoms, count in parts.values():
        alike = count if want.by_value else 1
        total += _converted(atoms // alike, snapshot.conversion) * alike
    return Quantity(total)


def _converted(atoms: int, conversion: Conversion | None) -> int:
    if conversion is None:
        return atoms
    step: int = 10 ** (FRACTION_DIGITS_MAX - conversion.places)
    divisor = conversion.divide_by.numerator * step
    whole, rest = divmod(abs(atoms) * conversion.divide_by.denominator, divisor)
    size = (
        whole + _goes_on(conversion.rounding, negative=atoms < 0, whole=whole, rest=rest, divisor=divisor)
    ) * step
    return -size if atoms < 0 else size


def _goes_on(rounding: Rounding, *, negative: bool, whole: int, rest: int, divisor: int) -> int:
    """1 where the size goes to the next whole number, 0 where its rest is cut off."""
    beyond_half = 2 * rest - divisor
    goes = {
        Rounding.HALF_AWAY_FROM_ZERO: beyond_half >= 0,
        Rounding.HALF_EVEN: beyond_half > 0 or (beyond_half == 0 and whole % 2 == 1),
        Rounding.UP: True,
        Rounding.DOWN: False,
        Rounding.CEILING: not negative,
        Rounding.FLOOR: negative,
    }
    return int(rest > 0 and goes[rounding])
