"""What a plan lets its customers use, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tieout.kernel.ids import MeterKey
from tieout.kernel.quantity import Quantity


class LimitKind(StrEnum):
    """`hard`: refused beyond the limit. `soft`: still allowed, and said to be beyond it."""

    HARD = "hard"
    SOFT = "soft"


@dataclass(frozen=True, slots=True)
class Feature:
    """Without a `meter` it is a flag. `limit` of the meter's unit for each billing period; None: no limit,
    and what a price includes free of charge is told as the allowance. `enabled` False: the plan names it and
    does not have it."""

    key: str
    enabled: bool = True
    meter: MeterKey | None = None
    limit: Quantity | None = None
    kind: LimitKind | None = None
