"""The only two places that round: `settle` for money, `quantize` for a quantity. Everything between is exact.

`allocate` shares settled money out without losing any: shares by largest remainder add up to the total.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import assert_never

from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.limits import FRACTION_DIGITS_MAX
from tieout.kernel.money import Currency, Money
from tieout.kernel.quantity import Quantity
from tieout.kernel.rational import Exact


class Rounding(Enum):
    """What becomes of digits beyond the last one kept. UP is away from zero, DOWN towards zero."""

    HALF_AWAY_FROM_ZERO = "half_away_from_zero"
    HALF_EVEN = "half_even"
    UP = "up"
    DOWN = "down"
    CEILING = "ceiling"
    FLOOR = "floor"


class ImpossibleAllocation(IntegrityViolation):
    """The weights do not describe shares: none, a negative one, or all zero."""

    code = "impossible-allocation"

    def __init__(self, weights: Sequence[Exact]) -> None:
        super().__init__(tuple(weights))
        self.weights = tuple(weights)

    def __str__(self) -> str:
        return f"An amount cannot be shared by the weights {[str(weight) for weight in self.weights]}."


def settle(amount: Exact, currency: Currency, rounding: Rounding) -> Money:
    """An exact amount in currency units as money, rounded once to the currency's minor unit."""
    return Money(_round(amount * 10**currency.exponent, rounding), currency)


def quantize(amount: Exact, places: int, rounding: Rounding) -> Quantity:
    """An exact number as a quantity with at most `places` (0 to 12) decimal places."""
    assert 0 <= places <= FRACTION_DIGITS_MAX, places
    return Quantity(_round(amount * 10**places, rounding) * 10 ** (FRACTION_DIGITS_MAX - places))


def allocate(total: Money, weights: Sequence[Exact]) -> list[Money]:
    """Shares of `total` in proportion to `weights`, in their order, adding up to it exactly.

    Largest remainder: each share is cut to a whole minor unit; the units left over go to the largest cut-off
    parts, ties to the earlier. A negative total mirrors the positive one. Raises `ImpossibleAllocation`.
    """
    weight_total = sum(weights, Exact(0))
    if weight_total <= 0 or min(weights) < 0:
        raise ImpossibleAllocation(weights)
    magnitude = abs(total.minor)
    ideal = [magnitude * weight / weight_total for weight in weights]
    shares = [_round(share, Rounding.DOWN) for share in ideal]
    by_remainder = sorted(range(len(shares)), key=lambda index: (shares[index] - ideal[index], index))
    for index in by_remainder[: magnitude - sum(shares)]:
        shares[index] += 1
    sign = -1 if total.minor < 0 else 1
    return [Money(sign * share, total.currency) for share in shares]


def _round(amount: Exact, rounding: Rounding) -> int:
    floor, remainder = divmod(amount.numerator, amount.denominator)
    if remainder == 0:
        return floor
    return floor + 1 if _goes_up(amount, floor, remainder, rounding) else floor


def _goes_up(amount: Exact, floor: int, remainder: int, rounding: Rounding) -> bool:
    """Whether `amount`, not whole, goes to the next whole number above its floor."""
    half = 2 * remainder - amount.denominator
    match rounding:
        case Rounding.HALF_AWAY_FROM_ZERO:
            return half > 0 or (half == 0 and amount > 0)
        case Rounding.HALF_EVEN:
            return half > 0 or (half == 0 and floor % 2 == 1)
        case Rounding.UP:
            return amount > 0
        case Rounding.DOWN:
            return amount < 0
        case Rounding.CEILING:
            return True
        case Rounding.FLOOR:
            return False
        case _:
            assert_never(rounding)
