"""Segment files: written in a stream, sorted, merged without losing a row, and old ones read as new ones."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.ports import UnreadableSegment
from tieout.store.log.segments import segment_file, sorted_rows
from tieout.store.log.segments.segment_file import (
    ORDER,
    SegmentWriter,
    fingerprint_of,
    in_order,
    read_row_at,
    read_rows_at,
    read_segment_rows,
    stored_form,
)
from tieout.store.log.segments.subject_rows import read_rows_of
from tieout.table.layout import ColumnKind, body_schema, segment_schema

SCHEMA = segment_schema(body_schema("llm.request", 1, [("tokens", ColumnKind.INTEGER)]))
Row = tuple[str, int, int, int]
"""(subject, time, batch, row)"""


def table_of(rows: list[Row]) -> pa.Table:
    chance = random.Random(len(rows))
    return pa.Table.from_pylist(
        [
            {
                "batch": batch,
                "row": row,
                "source": "gateway",
                "id": str(UUID(int=chance.getrandbits(128))) if row % 3 else f"id-{batch}-{row}",
                "subject": subject,
                "time": time,
                "lane_a": chance.getrandbits(64),
                "lane_b": chance.getrandbits(64),
                "extras": "",
                "attributes": "",
                "f_tokens": row if row % 5 else None,
            }
            for subject, time, batch, row in rows
        ],
        schema=SCHEMA,
    )


def written(path: Path, table: pa.Table) -> SegmentWriter:
    stored = in_order(stored_form(table))
    with SegmentWriter(path, stored.schema) as writer:
        writer.append(stored)
    return writer


def some_rows(count: int, *, batches: range = range(1, 9), seed: int = 1) -> list[Row]:
    chance = random.Random(seed)
    rows = [
        (f"team-{chance.randrange(40):02}", chance.randrange(10_000), batch, row)
        for batch in batches
        for row in range(count // len(batches))
    ]
    chance.shuffle(rows)
    return rows


ROWS = st.lists(
    st.tuples(st.sampled_from(("a", "ab", "ä", "b", "")), st.integers(-5, 5), st.integers(1, 4)), max_size=60
)


@settings(max_examples=40)
@given(st.lists(ROWS, min_size=1, max_size=4), st.integers(1, 7))
def test_merged_files_are_the_rows_of_all_in_order(
    tmp_path_factory: pytest.TempPathFactory, files: list[list[tuple[str, int, int]]], piece: int
) -> None:
    folder = tmp_path_factory.mktemp("merged")
    everything: list[Row] = []
    paths = []
    for number, rows in enumerate(files):
        placed = [
            (subject, time, batch, len(everything) + at) for at, (subject, time, batch) in enumerate(rows)
        ]
        everything += placed
        path = folder / f"{number}.parquet"
        written(path, table_of(placed))
        paths.append(str(path))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorted_rows, "ROWS_PER_PIECE", piece)
        schema = pq.read_schema(paths[0])
        pieces = list(sorted_rows.sorted_rows(paths, schema))
    found = [tuple(row[name] for name in ORDER) for table in pieces for row in table.to_pylist()]
    assert found == sorted(everything)


def test_what_is_read_is_what_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment_file, "ROWS_PER_GROUP", 512)
    table = table_of(some_rows(4_000))
    path = tmp_path / "segment.parquet"
    writer = written(path, table)
    content = path.read_bytes()
    assert (writer.rows, writer.bytes) == (4_000, len(content))
    assert writer.sha256 == hashlib.sha256(content).digest()
    expected = table.sort_by([(name, "ascending") for name in ORDER])
    assert read_segment_rows(str(path)).equals(expected)
    assert pq.ParquetFile(path).metadata.num_row_groups == 8
    assert fingerprint_of([str(path)])[0] == 4_000
    row = expected.slice(1_234, 1)
    at = {"batch": row.column("batch")[0].as_py(), "row": row.column("row")[0].as_py()}
    assert read_row_at(str(path), **at).equals(row)
    assert read_row_at(str(path), batch=99, row=0).num_rows == 0
    many = expected.take(pa.array(range(3, 4_000, 7)))
    wanted = list(zip(many.column("batch").to_pylist(), many.column("row").to_pylist(), strict=True))
    assert read_rows_at(str(path), [*reversed(wanted), (99, 0), (1, 2**31 - 1)]).equals(many)


def test_many_rows_cost_one_reading_of_each_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of keys and one of the rows: a look at retractions of a month asks for thousands."""
    monkeypatch.setattr(segment_file, "ROWS_PER_GROUP", 512)
    path = tmp_path / "segment.parquet"
    table = table_of(some_rows(4_000))
    written(path, table)
    read: list[int] = []
    real = pq.ParquetFile.read_row_group

    def counted(self: pq.ParquetFile, group: int, **how: object) -> pa.Table:
        read.append(group)
        return real(self, group, **how)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", counted)
    wanted = list(zip(table.column("batch").to_pylist(), table.column("row").to_pylist(), strict=True))
    assert read_rows_at(str(path), wanted).num_rows == 4_000
    assert sorted(read) == sorted([*range(8), *range(8)])


def test_one_subjects_rows_touch_few_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment_file, "ROWS_PER_GROUP", 512)
    table = table_of(some_rows(16_000))
    path = tmp_path / "segment.parquet"
    written(path, table)
    read: list[int] = []
    original = pq.ParquetFile.read_row_group

    def counted(self: pq.ParquetFile, group: int, **options: object) -> pa.Table:
        read.append(group)
        return original(self, group, **options)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", counted)
    found = read_rows_of(str(path), ["team-07", "nobody"], opens=2_000, closes=5_000)
    expected = [
        row
        for row in table.sort_by([(name, "ascending") for name in ORDER]).to_pylist()
        if row["subject"] == "team-07" and 2_000 <= row["time"] < 5_000
    ]
    assert found.to_pylist() == expected and expected
    assert len(set(read)) <= 2


def test_a_segment_of_an_older_version_reads_the_same(tmp_path: Path) -> None:
    """Before, `id` was stored as text in one column, every column with bounds."""
    table = table_of(some_rows(400)).sort_by([(name, "ascending") for name in ORDER])
    old, new = tmp_path / "old.parquet", tmp_path / "new.parquet"
    pq.write_table(table, old, compression="zstd", row_group_size=131_072)
    written(new, table)
    assert read_segment_rows(str(old)).equals(read_segment_rows(str(new)))
    span = {"opens": 0, "closes": 10_000}
    assert read_rows_of(str(old), ["team-01"], **span).equals(read_rows_of(str(new), ["team-01"], **span))
    merged = list(sorted_rows.sorted_rows([str(old), str(new)], pq.read_schema(new)))
    assert sum(piece.num_rows for piece in merged) == 800
    assert read_segment_rows(str(old), columns=["id", "time"]).column_names == ["id", "time"]
    assert read_segment_rows(str(new), columns=["id", "time"]).column_names == ["id", "time"]


def test_an_unfinished_file_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "segment.parquet"
    stored = stored_form(table_of(some_rows(40)))
    with pytest.raises(KeyError), SegmentWriter(path, stored.schema) as writer:
        writer.append(stored)
        raise KeyError
    assert not path.exists()


def test_damage_is_named(tmp_path: Path) -> None:
    path = tmp_path / "segment.parquet"
    path.write_bytes(b"nothing")
    for read in (read_segment_rows, lambda name: read_row_at(name, batch=1, row=1)):
        with pytest.raises(UnreadableSegment, match=r"segment\.parquet"):
            read(str(path))
