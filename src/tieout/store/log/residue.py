"""What an erasure leaves of the rows of a table, and what is recorded of each: the digest that was chained
for the whole of it, and the digest of what remains.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tieout.evidence.witness import Erasure
from tieout.kernel.erased import erased_id
from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.ids import EventType, Position
from tieout.ports.review import Kept
from tieout.store.log.copies import SUBJECT, Traces
from tieout.store.log.erasures import packed_positions
from tieout.table.canonical import content_digests, identity_keys, lanes
from tieout.table.layout import FIELD_PREFIX, ColumnKind, event_type_of, layout_of

ROW_MASK = 0xFFFF_FFFF
Row = dict[str, object]
"""Of the table `erasures`, without who erased and why."""


class DamagedBefore(IntegrityViolation):
    """An event that is not as it was accepted is not erased: the damage would be hidden for ever."""

    code = "damaged-before-erasure"

    def __init__(self, position: Position) -> None:
        super().__init__(
            f"{position} is not as it was accepted; `tieout verify` says how. Nothing was erased."
        )


@dataclass(frozen=True, slots=True)
class Residues:
    """What goes by `traces` and stays by `keep`; `known`: what was erased before."""

    traces: Traces
    known: Mapping[Position, Erasure]
    keep: Kept
    secret: bytes

    def of(self, table: pa.Table) -> tuple[pa.Table, list[Row]]:
        """The table without the texts, ids as texts in both, and what is recorded of its accepted rows.
        Raises `DamagedBefore`.
        """
        chosen = _places(table, self.traces.accepted | self.traces.repeated)
        if not len(chosen):
            return table, []
        residue = self._named(self._without_texts(table, chosen))
        own = pa.array(_places(table, self.traces.accepted))
        return residue, self._rows(table.take(own), residue.take(own))

    def _without_texts(self, table: pa.Table, chosen: np.ndarray) -> pa.Table:
        """The id, undeclared members, other attributes and text fields that are not kept are gone."""
        positions = _positions(table)
        markers: list[str | None] = [None] * table.num_rows
        for place in chosen.tolist():
            markers[place] = erased_id(self.traces.keys[positions[place]])
        gone = np.zeros(table.num_rows, dtype=np.bool_)
        gone[chosen] = True
        mask = pa.array(gone)
        table = _replaced(table, "id", mask, pa.array(markers, pa.string()))
        kept = self.keep.get(EventType(event_type_of(table.schema)[0]), frozenset())
        for name in ("extras", "attributes"):
            table = _replaced(table, name, mask, pa.scalar("", pa.string()))
        for name, kind in layout_of(table.schema):
            if kind is ColumnKind.STRING and name not in kept:
                # Emptied first: below a null, Arrow keeps the text that was there.
                table = _replaced(table, FIELD_PREFIX + name, mask, pa.scalar("", pa.string()))
                table = _replaced(table, FIELD_PREFIX + name, mask, pa.scalar(None, pa.string()))
        return table

    def _named(self, table: pa.Table) -> pa.Table:
        """Retractions name what stands for the erased ids."""
        here = set(self.traces.names) & set(_positions(table)) if self.traces.names else set()
        for name in sorted({name for position in here for name in self.traces.names[position]}):
            markers = [self.traces.names.get(each, {}).get(name) for each in _positions(table)]
            mask = pa.array([marker is not None for marker in markers])
            column = SUBJECT if name == SUBJECT else FIELD_PREFIX + name
            table = _replaced(table, column, mask, pa.array(markers, pa.string()))
        return table

    def _rows(self, before: pa.Table, after: pa.Table) -> list[Row]:
        positions = _positions(before)
        own = b"".join(self.traces.keys[position] for position in positions)
        whole = content_digests(before, own)
        was = content_digests(before, identity_keys(before, self.secret))
        left = content_digests(after, identity_keys(after, self.secret))
        words = lanes(whole)
        stored = np.column_stack([before.column(name).to_numpy() for name in ("lane_a", "lane_b")])
        rows: list[Row] = []
        for place, position in enumerate(positions):
            digest = slice(place * 32, (place + 1) * 32)
            known = self.known.get(position)
            chained = whole[digest] if known is None else known.content_digest
            is_sound = (
                stored[place].tolist() == words[place, :2].tolist()
                if known is None
                else was[digest] == known.residue_sha256
            )
            if not is_sound:
                raise DamagedBefore(position)
            rows.append(
                {
                    "batch": position.batch,
                    "row": position.row,
                    "identity_key": own[place * 16 : place * 16 + 16],
                    "content_digest": chained,
                    "residue_sha256": left[digest],
                }
            )
        return rows


def _replaced(table: pa.Table, name: str, gone: pa.Array, value: pa.Array | pa.Scalar) -> pa.Table:
    place = table.schema.get_field_index(name)
    column = pc.if_else(gone, value, table.column(name).combine_chunks())
    return table.set_column(place, table.schema.field(place), column)


def _places(table: pa.Table, positions: Collection[Position]) -> np.ndarray:
    wanted = np.array([position.batch << 32 | position.row for position in positions], dtype=np.int64)
    return np.flatnonzero(np.isin(packed_positions(table), wanted))


def _positions(table: pa.Table) -> list[Position]:
    packed: Iterable[int] = packed_positions(table).tolist()
    return [Position(each >> 32, each & ROW_MASK) for each in packed]
