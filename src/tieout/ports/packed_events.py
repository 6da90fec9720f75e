"""The events of one snapshot as files that a stranger can read and count."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from tieout.aggregate.window import UsageRequest
from tieout.contract.event_contract import EventContract
from tieout.evidence.lineage import Lineage
from tieout.kernel.ids import Position

Erased = Callable[[Position, bytes], bytes | None]
"""(where, the digest of what remains) -> the digest that was chained for the whole of it; None where nothing
was erased there, or something else remains."""


@dataclass(frozen=True, slots=True)
class EventFile:
    """The same rows in position order as CSV (empty where not asked for) and as Parquet."""

    rows: int
    csv: bytes
    parquet: bytes


@dataclass(frozen=True, slots=True)
class PackedEvents:
    """`retracted` and `opening` are None where there are none. `differing`: events whose content does not
    give the digest that is stored with them. `fingerprint` is of the counted ones, by the digests computed
    now. `disclosed`: the positions (`batch`, `row`) of all that the files hold, each once."""

    counted: EventFile
    retracted: EventFile | None
    opening: EventFile | None
    fingerprint: str
    differing: tuple[Position, ...]
    disclosed: pa.Table


@dataclass(frozen=True, slots=True)
class PackQuestion:
    """Which events: those of the lineage that the meter counts, and those at the positions with which a
    time-weighted one opens."""

    lineage: Lineage
    request: UsageRequest
    opening: frozenset[Position]
    contracts: Mapping[int, EventContract | None]
    secret: bytes
    erased: Erased


class EventPacking(Protocol):
    """Takes the rows of a lineage table by table."""

    def add(self, table: pa.Table) -> None: ...

    def packed(self) -> PackedEvents: ...
