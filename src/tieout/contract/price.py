"""What usage costs: a shape with exact amounts, modifiers around it, and the rule by which the line is
settled.

Amounts are in whole units of the currency ("0.02" is two cents), percentages in hundredths ("2.9" is 2.9 %).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tieout.contract.modifiers import NO_MODIFIERS, Modifiers
from tieout.contract.tax import STANDARD_CATEGORY
from tieout.kernel.ids import MeterKey, PriceKey
from tieout.kernel.instant import Instant
from tieout.kernel.quantity import Quantity
from tieout.kernel.rational import Exact
from tieout.kernel.rounding import Rounding

AmountIn = Literal["major", "minor"]
"""Whether an event states an amount of money in whole units of the currency, or in minor ones (cents)."""


@dataclass(frozen=True, slots=True)
class PerUnit:
    """`unit_amount` for each `per` units (per 1,000,000 tokens: per = 1000000)."""

    unit_amount: Exact
    per: Exact


@dataclass(frozen=True, slots=True)
class Tier:
    """Units up to and including `up_to` (None: the rest) cost `unit_amount` per `per`; entering adds
    `flat_amount`."""

    up_to: Quantity | None
    unit_amount: Exact
    flat_amount: Exact


@dataclass(frozen=True, slots=True)
class Graduated:
    """Each unit is priced in the tier it falls into. Bounds rise; only the last tier is open."""

    tiers: tuple[Tier, ...]
    per: Exact


@dataclass(frozen=True, slots=True)
class Volume:
    """All units are priced in the tier that the whole quantity falls into, and pay its flat amount."""

    tiers: tuple[Tier, ...]
    per: Exact


@dataclass(frozen=True, slots=True)
class Package:
    """`amount` for each package of `size` units. `last` says what a package that is not full costs: UP as a
    full one, DOWN nothing."""

    amount: Exact
    size: Quantity
    last: Literal[Rounding.UP, Rounding.DOWN]


@dataclass(frozen=True, slots=True)
class PercentTier:
    """The part of the amount up to and including `up_to` costs `percent` of itself; entering adds
    `flat_amount`."""

    up_to: Quantity | None
    percent: Exact
    flat_amount: Exact


@dataclass(frozen=True, slots=True)
class GraduatedPercentage:
    """A share of a metered amount of money, tier by tier. Bounds are in whole units of the currency."""

    tiers: tuple[PercentTier, ...]
    amount_in: AmountIn = "major"


@dataclass(frozen=True, slots=True)
class Percentage:
    """`percent` of the metered amount of money plus `fixed` for each event. `event_minimum` and
    `event_maximum` bound what a single event costs, fixed part included; with either, events are rated one by
    one."""

    percent: Exact
    fixed: Exact
    event_minimum: Exact | None
    event_maximum: Exact | None
    amount_in: AmountIn = "major"

    @property
    def bounds_events(self) -> bool:
        return (self.event_minimum, self.event_maximum) != (None, None)


@dataclass(frozen=True, slots=True)
class Dynamic:
    """The event carries the price: `amount_field` is added up as it stands."""

    amount_field: str
    amount_in: AmountIn = "major"


@dataclass(frozen=True, slots=True)
class Flat:
    """A fixed fee for a whole billing period, once for each unit that the subscription's phase states (1
    unless it does); never tied to a meter. `timing`: due with the invoice of its own period, or with the one
    before."""

    amount: Exact
    timing: Literal["arrears", "advance"] = "arrears"


PlainShape = PerUnit | Graduated | Volume | Package | GraduatedPercentage | Percentage | Dynamic

STEPPED_SHAPES = (Graduated, Volume, Package, GraduatedPercentage)
"""Shapes with tiers or packages: what one unit costs depends on how many there are."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Usage whose dimensions have these values pays by this shape. `when` is in order of its names."""

    when: tuple[tuple[str, str], ...]
    shape: PlainShape


@dataclass(frozen=True, slots=True)
class Matrix:
    """The first cell that fits rates a group of usage; a dimension that a cell does not name may be anything.
    What fits no cell goes by `otherwise`, or, where that is None, is refused: it is never free by
    accident."""

    dimensions: tuple[str, ...]
    cells: tuple[Cell, ...]
    otherwise: PlainShape | None


MeteredShape = PlainShape | Matrix
PriceShape = MeteredShape | Flat
TierSplit = Literal["restart", "continue", "prorate"]


@dataclass(frozen=True, slots=True)
class Price:
    """`meter` is None for Flat only. `tier_split` says what tiers and packages do where a period is split.

    `per_event`: each event is rated alone, as if it were all the usage, and the results are added up;
    `round_at` says whether each of them is rounded to minor units, or the line alone. `group_by`: one line
    for each value of these dimensions of the meter. `tax_category` says which taxes hold for its lines.
    `supersedes`: the version that was wrong, in whose place this one stands from the same instant on.
    """

    key: PriceKey
    version: int
    effective_from: Instant
    meter: MeterKey | None
    currency: str
    description: str
    shape: PriceShape
    rounding: Rounding
    tier_split: TierSplit
    digest: str
    per_event: bool = False
    round_at: Literal["line", "event"] = "line"
    group_by: tuple[str, ...] = ()
    modifiers: Modifiers = NO_MODIFIERS
    tax_category: str = STANDARD_CATEGORY
    supersedes: int | None = None


def plain_shapes(shape: PriceShape) -> Iterator[PlainShape | Flat]:
    """The shape itself, or all the shapes in a matrix."""
    if not isinstance(shape, Matrix):
        yield shape
        return
    yield from (cell.shape for cell in shape.cells)
    if shape.otherwise is not None:
        yield shape.otherwise
