"""What a customer subscribes to: prices, and fee programs with prices of their own, under one name, in one
currency."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.contract.feature import Feature
from tieout.kernel.cadence import Cadence
from tieout.kernel.ids import PlanKey, PriceKey, ProgramKey
from tieout.kernel.instant import Instant


@dataclass(frozen=True, slots=True)
class Plan:
    """`cadence` None means the governing policy's cadence. `programs` hold in the version of each instant.
    `features` are what its customers may use."""

    key: PlanKey
    version: int
    effective_from: Instant
    name: str
    currency: str
    prices: tuple[PriceKey, ...]
    cadence: Cadence | None
    digest: str
    programs: tuple[ProgramKey, ...] = ()
    features: tuple[Feature, ...] = ()
