"""What a price does around its shape, in this order: free allowance, shape, discounts, minimum, maximum.

The allowance is first, since it is about units; discounts come before the minimum, which is what the customer
promised to pay at least whatever was granted; the maximum is last, since it is what nobody pays more than.
"""

from __future__ import annotations

from dataclasses import dataclass

from tieout.kernel.instant import Instant
from tieout.kernel.quantity import Quantity
from tieout.kernel.rational import Exact


@dataclass(frozen=True, slots=True)
class Allowance:
    """The first `units` of a billing period are free."""

    units: Quantity


@dataclass(frozen=True, slots=True)
class Discount:
    """`percent` of what is there, or `amount` of a whole billing period but never more than is there; exactly
    one of the two. It holds for segments that start before `until`, and splits the period there."""

    name: str
    percent: Exact | None
    amount: Exact | None
    until: Instant | None


@dataclass(frozen=True, slots=True)
class Modifiers:
    """`minimum` and `maximum` are for a whole billing period. `prorate`: where a period is split, allowance,
    amounts of discounts, minimum and maximum count by elapsed time; otherwise each part has them whole."""

    allowance: Allowance | None = None
    discounts: tuple[Discount, ...] = ()
    minimum: Exact | None = None
    maximum: Exact | None = None
    prorate: bool = True


NO_MODIFIERS = Modifiers()
