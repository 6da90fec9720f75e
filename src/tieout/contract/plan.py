"""What a customer subscribes to: prices under one name, in one currency."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.kernel.cadence import Cadence
from tieout.kernel.ids import PlanKey, PriceKey
from tieout.kernel.instant import Instant


@dataclass(frozen=True, slots=True)
class Plan:
    """`cadence` None means the governing policy's cadence."""

    key: PlanKey
    version: int
    effective_from: Instant
    name: str
    currency: str
    prices: tuple[PriceKey, ...]
    cadence: Cadence | None
    digest: str
