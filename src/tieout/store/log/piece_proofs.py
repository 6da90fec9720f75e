"""Proofs that rows lie in the pieces of the log: its segments, and what no segment holds yet, up to a
watermark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sqlalchemy import Engine

from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.ids import EventType, Watermark
from tieout.kernel.merkle import Stretch, prove, root_of
from tieout.ports import SegmentFile, SegmentFiles, TailPart
from tieout.ports.lineage import PieceProof
from tieout.store.log.reader import manifest
from tieout.store.log.segments.segment_file import ORDER, in_order, read_segment_rows
from tieout.store.log.segments.segment_tree import COLUMNS, KeptTrees, RowTree, SegmentRows, tree_of_table
from tieout.table.position_words import position_words

Words = npt.NDArray[np.uint64]


class RowsNotFound(IntegrityViolation):
    """Events that were read are not where the log has its events."""

    code = "rows-not-found"

    def __init__(self, wanted: int, found: int) -> None:
        super().__init__(
            f"{wanted} events are to be proven, and {found} rows of the log have their positions; `tieout "
            "verify` reads it all"
        )


def piece_proofs(
    disclosed: pa.Table,
    segments: Sequence[tuple[SegmentFile, Sequence[int]]],
    tail: Sequence[TailPart],
    *,
    upto: Watermark,
    trees: KeptTrees,
) -> tuple[PieceProof, ...]:
    """`segments` come with the row groups that may hold any of the rows. Raises `RowsNotFound` and
    `UnreadableSegment`."""
    wanted = np.sort(_words(disclosed))
    found = [*_of_segments(wanted, segments, trees), *_of_tail(wanted, tail, upto)]
    count = sum(end - start for proof in found for start, end in proof.stretches)
    if count != len(wanted):
        raise RowsNotFound(len(wanted), count)
    return tuple(found)


def piece_root(
    engine: Engine, files: SegmentFiles, event_type: EventType, contract_version: int, first: int, last: int
) -> tuple[int, bytes]:
    """How many events of that type and version lie in these batches, and the root over them, from the rows
    alone: whatever files hold them now, and whatever trees are kept. Raises `UnreadableSegment`.
    """
    known = manifest(engine, files, Watermark(last), only=frozenset({event_type}))
    columns = [*ORDER, *COLUMNS[2:]]
    parts = [
        read_segment_rows(segment.path, columns=columns)
        for segment in known.segments
        if segment.contract_version == contract_version and segment.last_batch >= first
    ]
    parts += [part.table.select(columns) for part in known.tail if part.contract_version == contract_version]
    if not parts:
        return 0, root_of([])
    rows = pa.concat_tables([part.replace_schema_metadata(None) for part in parts])
    batch = rows.column("batch").to_numpy()
    tree = tree_of_table(in_order(rows.filter(pa.array((batch >= first) & (batch <= last)))))
    return tree.size, tree.root


def _of_segments(
    wanted: Words, segments: Sequence[tuple[SegmentFile, Sequence[int]]], trees: KeptTrees
) -> Iterator[PieceProof]:
    for segment, groups in segments:
        rows = SegmentRows(segment.path)
        places = [int(rows.starts[group]) + _among(wanted, rows.group(group)) for group in groups]
        stretches = _stretches(np.concatenate(places)) if places else ()
        if not stretches:
            continue
        tree = trees.of_segment(segment.path, bytes.fromhex(segment.sha256))
        yield PieceProof(
            segment.type,
            segment.contract_version,
            segment.first_batch,
            segment.last_batch,
            *_proven(tree, stretches),
        )


def _of_tail(wanted: Words, tail: Sequence[TailPart], upto: Watermark) -> Iterator[PieceProof]:
    for part in tail:
        rows = in_order(part.table.select([*ORDER, *COLUMNS[2:]]))
        stretches = _stretches(_among(wanted, rows))
        if stretches:
            first = int(rows.column("batch").to_numpy().min())
            tree = tree_of_table(rows)
            yield PieceProof(part.type, part.contract_version, first, upto, *_proven(tree, stretches))


def _proven(
    tree: RowTree, stretches: tuple[Stretch, ...]
) -> tuple[int, bytes, tuple[Stretch, ...], tuple[bytes, ...]]:
    return tree.size, tree.root, stretches, tuple(prove(tree.size, stretches, tree.subtree))


def _among(wanted: Words, rows: pa.Table) -> npt.NDArray[np.int64]:
    """The places of the rows that are wanted. `wanted` is sorted."""
    words = _words(rows)
    near = np.searchsorted(wanted, words)
    near[near == len(wanted)] = 0
    return np.flatnonzero(wanted[near] == words) if len(wanted) else near[:0]


def _stretches(places: npt.NDArray[np.int64]) -> tuple[Stretch, ...]:
    """Runs of neighbours. `places` ascend."""
    if not len(places):
        return ()
    breaks = np.flatnonzero(np.diff(places) != 1) + 1
    starts, ends = places[[0, *breaks]], places[[*(breaks - 1), -1]] + 1
    return tuple(zip(starts.tolist(), ends.tolist(), strict=True))


def _words(rows: pa.Table) -> Words:
    return position_words(rows.column("batch").to_numpy(), rows.column("row").to_numpy())
