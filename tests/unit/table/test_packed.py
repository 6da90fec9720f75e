"""Ids as a segment stores them: every text comes back as it was, and a UUID takes 16 bytes."""

from __future__ import annotations

from uuid import UUID

import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from tieout.table.packed import ID_TEXT, ID_UUID, packed, unpacked

ALMOST = (
    "3F2504E0-4F89-11D3-9A0C-0305E82C3301",
    "3f2504e04f8911d39a0c0305e82c3301",
    "3f2504e0-4f89-11d3-9a0c-0305e82c330g",
    "3f2504e0-4f89-11d3-9a0c0-305e82c3301",
    "{3f2504e0-4f89-11d3-9a0c-0305e82c33}",
    "-" * 36,
    "é" * 18,
)
ID = st.one_of(
    st.uuids().map(str),
    st.text(max_size=40),
    st.sampled_from(ALMOST),
    st.uuids().map(lambda u: str(u).upper()),
)


def table_of(ids: list[str]) -> pa.Table:
    schema = pa.schema(
        [
            pa.field("row", pa.int32()),
            pa.field("id", pa.string(), nullable=False),
            pa.field("z", pa.string()),
        ],
        metadata={b"kept": b"yes"},
    )
    return pa.table([list(range(len(ids))), ids, ids], schema=schema)


@given(st.lists(ID, max_size=60), st.integers(0, 5))
@example(ids=list(ALMOST), start=0)
def test_every_id_comes_back_as_it_was(ids: list[str], start: int) -> None:
    table = table_of(ids)
    stored = packed(table)
    assert unpacked(stored).equals(table, check_metadata=True)
    assert unpacked(stored.slice(start)).equals(table.slice(start))
    assert unpacked(packed(table.slice(start))).equals(table.slice(start))
    assert packed(stored) is stored
    assert unpacked(table) is table


@given(st.lists(ID, min_size=1, max_size=30))
def test_canonical_uuids_and_only_they_are_packed(ids: list[str]) -> None:
    stored = packed(table_of(ids)).to_pylist()
    for text, row in zip(ids, stored, strict=True):
        canonical = len(text) == 36 and is_canonical(text)
        assert row[ID_UUID] == (UUID(text).bytes if canonical else None)
        assert row[ID_TEXT] == (None if canonical else text)


def is_canonical(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
