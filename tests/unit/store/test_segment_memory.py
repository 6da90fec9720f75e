"""What a segment was written from is let go once the file is there: a keeper writes thousands in its life."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import pyarrow as pa
import pytest

from tieout.store.log.segment_file import SegmentWriter

ROWS = pa.table({"batch": pa.array(range(1_000), pa.int64())})


def test_a_written_segment_keeps_nothing_in_memory(tmp_path: Path) -> None:
    gc.collect()
    before = pa.total_allocated_bytes()
    writer = SegmentWriter(tmp_path / "whole", ROWS.schema)
    alive = weakref.ref(writer)
    with writer:
        writer.append(pa.concat_tables([ROWS] * 200).combine_chunks())
    assert writer.rows == 200_000
    del writer
    gc.collect()
    assert alive() is None
    assert pa.total_allocated_bytes() == before


def test_an_abandoned_segment_keeps_nothing_either(tmp_path: Path) -> None:
    gc.collect()
    before = pa.total_allocated_bytes()
    with pytest.raises(RuntimeError), SegmentWriter(tmp_path / "cut", ROWS.schema) as writer:
        writer.append(ROWS)
        raise RuntimeError
    del writer
    gc.collect()
    assert pa.total_allocated_bytes() == before
    assert not (tmp_path / "cut").exists()
