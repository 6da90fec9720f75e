"""The events behind one snapshot as CSV and Parquet, each with the digest of its content computed anew.

Fields are canonical texts without their tags, in both files alike. Bytes follow from the rows alone: sorted
by position, in one piece, whatever tables they came in.
"""

from __future__ import annotations

import io
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from tieout.engines.lineage_count import taken_back_of, windows_of, within
from tieout.engines.recount import kept_rows
from tieout.engines.recount_windows import layers
from tieout.ingest.layout import layout_of_contract
from tieout.kernel.digest import IDENTITY_KEY_BYTES, Fingerprint
from tieout.kernel.ids import Position, Watermark
from tieout.ports.packed_events import EventFile, PackedEvents, PackQuestion
from tieout.table.canonical import content_digests, field_text, identity_keys, lanes
from tieout.table.layout import FIELD_PREFIX, event_type_of, layout_of
from tieout.table.position_words import position_words

Mask = npt.NDArray[np.bool_]
DIGEST_BYTES: Final = 32
HEAD: Final = ("batch", "row", "source", "id", "type", "subject", "time", "contract_version", "extras")
TAIL: Final = ("identity_key", "content_digest", "residue_digest")
"""Of an erased event `content_digest` is what was chained for the whole of it, `residue_digest` that of what
remains and is written here."""
PARQUET_ROWS: Final = 131_072


class EventPacker:
    """`EventPacking` over Arrow tables. `retracted`: `RETRACTED_SCHEMA`."""

    def __init__(self, asked: PackQuestion, watermark: Watermark, retracted: pa.Table) -> None:
        self._asked = asked
        self._watermark = watermark
        self._retracted = retracted.filter(pa.array(retracted.column("batch").to_numpy() <= int(watermark)))
        self._inside = layers([(0, asked.lineage.spans)])
        self._covered = layers([(0, windows_of(asked.lineage))])
        opening = np.array([(each.batch, each.row) for each in asked.opening], dtype=np.int64).reshape(-1, 2)
        self._opening = position_words(opening[:, 0], opening[:, 1])
        self._tables: dict[str, list[pa.Table]] = {"counted": [], "retracted": [], "opening": []}
        self._sum = Fingerprint(0, 0, 0)
        self._differing: list[Position] = []

    def add(self, table: pa.Table) -> None:
        meter, breakdown = self._asked.request.meter, self._asked.request.breakdown
        there = table.column("batch").to_numpy() <= int(self._watermark)
        table = table.filter(pa.array(there & within(table, self._covered)))
        if not table.num_rows or event_type_of(table.schema)[0] != meter.event:
            return
        kept = kept_rows(meter, breakdown, table)
        inside = within(table, self._inside)
        gone = taken_back_of(table, self._retracted)
        words = position_words(table.column("batch").to_numpy(), table.column("row").to_numpy())
        self._take("counted", table, kept & inside & ~gone)
        self._take("retracted", table, kept & inside & gone)
        self._take("opening", table, np.isin(words, self._opening))

    def packed(self) -> PackedEvents:
        counted = _file(self._tables["counted"])
        gone, opening = (self._tables[name] for name in ("retracted", "opening"))
        return PackedEvents(
            _empty() if counted is None else counted,
            _file(gone),
            _file(opening),
            str(self._sum),
            tuple(sorted(self._differing)),
            self._disclosed(),
        )

    def _disclosed(self) -> pa.Table:
        parts = [table.select(["batch", "row"]) for tables in self._tables.values() for table in tables]
        if not parts:
            return pa.table({"batch": pa.array([], pa.int64()), "row": pa.array([], pa.int64())})
        whole = pa.concat_tables(parts)
        words = position_words(whole.column("batch").to_numpy(), whole.column("row").to_numpy())
        return whole.take(pa.array(np.unique(words, return_index=True)[1]))

    def _take(self, name: str, table: pa.Table, chosen: Mask) -> None:
        some = table.filter(pa.array(chosen)).combine_chunks()
        if not some.num_rows:
            return
        keys = identity_keys(some, self._asked.secret)
        digests, residues = self._digests(some, content_digests(some, keys))
        if name == "counted":
            found = lanes(digests)
            sums = (int(found[:, place].sum(dtype=np.uint64)) for place in (0, 1))
            self._sum += Fingerprint(some.num_rows, *sums)
        self._tables[name].append(_disclosed(some, keys, digests, residues))

    def _digests(self, table: pa.Table, computed: bytes) -> tuple[bytes, list[str | None]]:
        """Of each row; where its own is not the stored one, that of the event before something was erased."""
        residues: list[str | None] = [None] * table.num_rows
        _, version = event_type_of(table.schema)
        contract = self._asked.contracts.get(version)
        found = lanes(computed)
        differs: Mask = np.zeros(table.num_rows, dtype=np.bool_)
        if contract is None or layout_of(table.schema) != list(layout_of_contract(contract)):
            differs[:] = True
        for place, name in enumerate(("lane_a", "lane_b")):
            differs |= found[:, place] != table.column(name).to_numpy()
        digests = bytearray(computed)
        for row in np.flatnonzero(differs).tolist():
            position = Position(table.column("batch")[row].as_py(), table.column("row")[row].as_py())
            place = slice(row * DIGEST_BYTES, (row + 1) * DIGEST_BYTES)
            residue = computed[place]
            whole = self._asked.erased(position, residue)
            stored = (table.column("lane_a")[row].as_py(), table.column("lane_b")[row].as_py())
            if whole is None or tuple(lanes(whole)[0, :2].tolist()) != stored:
                self._differing.append(position)
            else:
                digests[place] = whole
                residues[row] = residue.hex()
        return bytes(digests), residues


def _disclosed(table: pa.Table, keys: bytes, digests: bytes, residues: list[str | None]) -> pa.Table:
    event_type, version = event_type_of(table.schema)
    rows = table.num_rows
    columns: dict[str, pa.Array | pa.ChunkedArray] = {
        "batch": table.column("batch"),
        "row": table.column("row").cast(pa.int64()),
        "source": _plain(table, "source"),
        "id": _plain(table, "id"),
        "type": pa.array([event_type] * rows, pa.string()),
        "subject": _plain(table, "subject"),
        "time": table.column("time"),
        "contract_version": pa.array([version] * rows, pa.int64()),
        "extras": _plain(table, "extras"),
        "identity_key": _hex(keys, IDENTITY_KEY_BYTES, rows),
        "content_digest": _hex(digests, DIGEST_BYTES, rows),
        "residue_digest": pa.array(residues, pa.string()),
    }
    for name, kind in layout_of(table.schema):
        column = table.column(FIELD_PREFIX + name).combine_chunks()
        columns[FIELD_PREFIX + name] = field_text(column, kind)
    return pa.table(columns)


def _plain(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name).combine_chunks()
    plain = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    return plain.cast(pa.string())


def _hex(content: bytes, width: int, rows: int) -> pa.Array:
    digits = pa.py_buffer(content.hex().encode())
    return (
        pa.Array.from_buffers(pa.binary(2 * width), rows, [None, digits]).cast(pa.binary()).cast(pa.string())
    )


def _file(tables: list[pa.Table]) -> EventFile | None:
    if not tables:
        return None
    whole = pa.concat_tables(tables, promote_options="default")
    fields = sorted(name for name in whole.column_names if name.startswith(FIELD_PREFIX))
    whole = whole.select([*HEAD, *fields, *TAIL])
    words = position_words(whole.column("batch").to_numpy(), whole.column("row").to_numpy())
    return _written(whole.take(pa.array(np.argsort(words, kind="stable"))).combine_chunks())


def _empty() -> EventFile:
    numbers = ("batch", "row", "time", "contract_version")
    schema = pa.schema([(name, pa.int64() if name in numbers else pa.string()) for name in (*HEAD, *TAIL)])
    return _written(schema.empty_table())


def _written(table: pa.Table) -> EventFile:
    text, columns = io.BytesIO(), io.BytesIO()
    pa_csv.write_csv(table, text, pa_csv.WriteOptions(quoting_style="needed"))
    hashes = ("identity_key", "content_digest", "residue_digest")
    pq.write_table(
        table,
        columns,
        row_group_size=PARQUET_ROWS,
        compression="zstd",
        use_dictionary=[name for name in table.column_names if name not in (*hashes, "id", "time", "row")],
        store_schema=False,
    )
    return EventFile(table.num_rows, text.getvalue(), columns.getvalue())
