"""The rows behind a line, column-wise: read a bounded number at a time, and counted as they come."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from tieout.aggregate.retraction import Identity
from tieout.aggregate.window import UsageRequest
from tieout.contract.event_contract import EventContract
from tieout.evidence.counted import Counted
from tieout.evidence.lineage import Lineage
from tieout.evidence.piece import Piece
from tieout.kernel.ids import Position, Watermark
from tieout.kernel.merkle import Stretch
from tieout.ports.retraction import StoredEvent
from tieout.rate.charge import GroupName


@dataclass(frozen=True, slots=True)
class PieceProof:
    """That rows lie in one piece of the log: `stretches` are their places in it; `hashes` lead from their
    leaves to its root.
    """

    piece: Piece
    stretches: tuple[Stretch, ...]
    hashes: tuple[bytes, ...]


class LineageRows(Protocol):
    """What the log holds inside a lineage's windows as of a watermark."""

    @property
    def watermark(self) -> Watermark: ...

    @property
    def retracted(self) -> pa.Table:
        """Every identity that was retracted as of the watermark, perhaps also later (`table.retracted`)."""
        ...

    def tables(self) -> Iterator[pa.Table]:
        """All rows in tables of one contract version and bounded length, in no order, without attributes.
        Raises `UnreadableSegment`.
        """
        ...

    def at(self, positions: Collection[Position]) -> Mapping[Position, StoredEvent]:
        """Those of the rows, read once more. Raises `UnreadableSegment`."""
        ...

    def proofs(self, disclosed: pa.Table, pieces: Sequence[Piece]) -> tuple[PieceProof, ...]:
        """One for each of the `pieces` of the event type that holds any of the rows at these positions
        (`batch`, `row`), each of which is one of the rows. Raises `UnreadableSegment`.
        """
        ...


@dataclass(frozen=True, slots=True)
class LineageQuestion:
    """What to count: by no meter where there is no `request`. Only events of the `group` are listed, after
    the first `skipped` at most `page_size`. `contracts` have no entry, or None, for a version that is gone.
    """

    lineage: Lineage
    request: UsageRequest | None
    group: GroupName
    contracts: Mapping[int, EventContract | None]
    secret: bytes
    skipped: int
    page_size: int


@dataclass(frozen=True, slots=True)
class Doubts:
    """What of one table wants a closer look: rows whose content does not give the stored lanes, the contract
    version that is gone, the identities that were retracted.
    """

    differing: tuple[Position, ...] = ()
    unpromised: int | None = None
    retracted: tuple[Identity, ...] = ()


class LineageCount(Protocol):
    """A count that goes on; its memory does not grow with the rows, but for eight bytes for each event up to
    the end of the page, the texts of a unique count and the levels of a time-weighted one.
    """

    def add(self, table: pa.Table) -> Doubts: ...

    def counted(self) -> Counted: ...
