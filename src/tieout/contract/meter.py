"""What is counted, and how. Non-production events are excluded by default, visibly, never silently."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tieout.contract.predicate import Condition, Predicate
from tieout.kernel.ids import EventType, MeterKey
from tieout.kernel.instant import Instant


class Aggregation(StrEnum):
    """COUNT events; SUM a numeric field, or take its LAST value by (time, batch, row), its MAX, MIN or
    AVERAGE; count the UNIQUE values of a field of any type; or add up the levels that events state,
    TIME_WEIGHTED, in unit-hours."""

    COUNT = "count"
    SUM = "sum"
    LAST = "last"
    MAX = "max"
    MIN = "min"
    UNIQUE = "unique"
    AVERAGE = "average"
    TIME_WEIGHTED = "time_weighted"

    @property
    def additive(self) -> bool:
        """Whether usage of parts adds up to that of the whole, so that it can be broken down into groups."""
        return self in (Aggregation.COUNT, Aggregation.SUM)


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Events that match the filter and `where` are not counted, and shown under `reason`."""

    reason: str
    where: Predicate


NON_PRODUCTION = Exclusion(
    reason="non-production",
    where=(Condition(field="environment", values=("production",), negated=True),),
)
"""Every meter's first exclusion unless it says include_non_production; it cannot match where there is no
environment."""


@dataclass(frozen=True, slots=True)
class Meter:
    """`field` is None for COUNT only. Exclusions are tried in order after the filter; the first that holds
    names the reason. `dimensions` are fields by which usage can be broken down; they do not change what is
    counted."""

    key: MeterKey
    version: int
    effective_from: Instant
    definition: str
    owner: str
    event: EventType
    aggregation: Aggregation
    field: str | None
    unit: str
    dimensions: tuple[str, ...]
    filter: Predicate
    exclusions: tuple[Exclusion, ...]
    digest: str
