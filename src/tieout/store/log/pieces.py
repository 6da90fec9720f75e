"""Pieces of the log: made of what it holds, and proofs that rows lie in them.

A piece is made of a segment, or of loose batches, as they lie when its root is stated; later its rows may lie
in a longer segment, or, if they were loose, in several. A merge takes segments whole, so a piece that was one
segment is always in one file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sqlalchemy import Engine

from tieout.evidence.piece import Piece, PiecePlace
from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.ids import EventType, Watermark
from tieout.kernel.merkle import Stretch, prove
from tieout.ports import LogManifest, SegmentFile, SegmentFiles
from tieout.ports.lineage import PieceProof
from tieout.store.log.reader import manifest
from tieout.store.log.segments.segment_file import ORDER, in_order, read_segment_rows_between
from tieout.store.log.segments.segment_tree import (
    COLUMNS,
    GroupsOf,
    KeptTrees,
    LeafRows,
    SegmentRows,
    TableRows,
    tree_of,
)
from tieout.table.position_words import position_words

ROW_COLUMNS = [*ORDER, *COLUMNS[2:]]


class RowsNotFound(IntegrityViolation):
    """Events that were read are not where the log has its events."""

    code = "rows-not-found"

    def __init__(self, wanted: int, found: int) -> None:
        super().__init__(
            f"{wanted} events are to be proven, and {found} rows of the log have their positions; `tieout "
            "verify` reads it all"
        )


class PieceDiffers(IntegrityViolation):
    """What the log holds in a range of batches is not what was stated of it."""

    code = "piece-differs"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The events in piece {name} of the log do not come to the root that was stated of it; `tieout "
            "verify` reads it all"
        )


@dataclass(frozen=True, slots=True)
class LogPieces:
    """The pieces of one log. What reads segments raises `UnreadableSegment`."""

    engine: Engine
    files: SegmentFiles
    trees: KeptTrees

    def made(self, *, after: Watermark, upto: Watermark) -> Iterator[Piece]:
        """What holds every event behind `after` up to `upto`, as it lies now; the trees are kept."""
        known = manifest(self.engine, self.files, upto)
        for place in _places(known, after=after, upto=upto):
            rows = _rows(known, place)
            if rows.size:
                yield Piece(place, rows.size, self.trees.made(rows).root)

    def again(self, place: PiecePlace) -> tuple[int, bytes]:
        """How many events a piece holds, and their root, from the rows alone: whatever trees are kept."""
        rows = _rows(self._manifest(place), place)
        return rows.size, tree_of(rows).root

    def counts(self, *, after: Watermark, upto: Watermark) -> dict[tuple[EventType, int], int]:
        """How many events of each type and contract version lie behind `after` up to `upto`."""
        known = manifest(self.engine, self.files, upto)
        found: dict[tuple[EventType, int], int] = {}
        for place in _places(known, after=after, upto=upto):
            kind = place.type, place.contract_version
            found[kind] = found.get(kind, 0) + _rows(known, place).size
        return found

    def proofs(
        self, disclosed: pa.Table, pieces: Sequence[Piece], groups_of: GroupsOf
    ) -> tuple[PieceProof, ...]:
        """Of those pieces that hold any of the rows at these positions (`batch`, `row`), all of which must be
        in one. Raises `RowsNotFound`, `PieceDiffers`.
        """
        batches = np.unique(disclosed.column("batch").to_numpy())
        wanted = np.sort(
            position_words(disclosed.column("batch").to_numpy(), disclosed.column("row").to_numpy())
        )
        found = []
        for piece in pieces:
            if ((piece.place.first <= batches) & (batches <= piece.place.last)).any():
                rows = _rows(self._manifest(piece.place), piece.place)
                stretches = _stretches(rows.places(wanted, groups_of))
                if stretches:
                    found.append(self._proof(piece, rows, stretches))
        count = sum(end - start for proof in found for start, end in proof.stretches)
        if count != len(wanted):
            raise RowsNotFound(len(wanted), count)
        return tuple(found)

    def _proof(self, piece: Piece, rows: LeafRows, stretches: tuple[Stretch, ...]) -> PieceProof:
        tree = self.trees.tree(rows, piece.root) if rows.size == piece.rows else None
        if tree is None:
            raise PieceDiffers(piece.name)
        return PieceProof(piece, stretches, tuple(prove(tree.size, stretches, tree.subtree)))

    def _manifest(self, place: PiecePlace) -> LogManifest:
        return manifest(self.engine, self.files, place.last, only=frozenset({place.type}))


def _places(known: LogManifest, *, after: Watermark, upto: Watermark) -> list[PiecePlace]:
    """One for each segment, and for what lies loose behind them."""
    ranges = [
        (segment.type, segment.contract_version, segment.first_batch, segment.last_batch)
        for segment in known.segments
    ]
    loose = max((last for _, _, _, last in ranges), default=0) + 1
    ranges += [(part.type, part.contract_version, loose, int(upto)) for part in known.tail]
    return [
        PiecePlace(
            EventType(event_type), version, Watermark(max(first, after + 1)), Watermark(min(last, upto))
        )
        for event_type, version, first, last in ranges
        if first <= upto and last > after
    ]


def _rows(known: LogManifest, place: PiecePlace) -> LeafRows:
    segments = [each for each in known.segments if _overlaps(each, place)]
    loose = [
        _between(part.table.select(ROW_COLUMNS), place)
        for part in known.tail
        if (part.type, part.contract_version) == (place.type, place.contract_version)
    ]
    loose = [table for table in loose if table.num_rows]
    if len(segments) == 1 and not loose:
        return SegmentRows(segments[0].path, first=place.first, last=place.last)
    parts = [
        read_segment_rows_between(each.path, ROW_COLUMNS, first=place.first, last=place.last)
        for each in segments
    ]
    if not parts and not loose:
        return TableRows(pa.table({name: pa.array([], pa.int64()) for name in COLUMNS}))
    whole = pa.concat_tables([part.replace_schema_metadata(None) for part in (*parts, *loose)])
    return TableRows(in_order(whole))


def _overlaps(segment: SegmentFile, place: PiecePlace) -> bool:
    return (
        (segment.type, segment.contract_version) == (place.type, place.contract_version)
        and segment.first_batch <= place.last
        and segment.last_batch >= place.first
    )


def _between(table: pa.Table, place: PiecePlace) -> pa.Table:
    batch = table.column("batch").to_numpy()
    return table.filter(pa.array((place.first <= batch) & (batch <= place.last)))


def _stretches(places: npt.NDArray[np.int64]) -> tuple[Stretch, ...]:
    """Runs of neighbours. `places` ascend."""
    if not len(places):
        return ()
    breaks = np.flatnonzero(np.diff(places) != 1) + 1
    starts, ends = places[[0, *breaks]], places[[*(breaks - 1), -1]] + 1
    return tuple(zip(starts.tolist(), ends.tolist(), strict=True))
