"""What usage costs: a shape with exact amounts, and the rule by which the line is settled. More shapes join
the union."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tieout.kernel.ids import MeterKey, PriceKey
from tieout.kernel.instant import Instant
from tieout.kernel.quantity import Quantity
from tieout.kernel.rational import Exact
from tieout.kernel.rounding import Rounding


@dataclass(frozen=True, slots=True)
class PerUnit:
    """`unit_amount` for each `per` units (per 1,000,000 tokens: per = 1000000). Major units of the
    currency."""

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
class Flat:
    """A fixed fee for a whole billing period, in major units; never tied to a meter."""

    amount: Exact


PriceShape = PerUnit | Graduated | Flat
TierSplit = Literal["restart"]


@dataclass(frozen=True, slots=True)
class Price:
    """`meter` is None for Flat only. `tier_split` says what tiers do where a period is split: they
    restart."""

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
