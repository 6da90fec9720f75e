"""Items are found whole however the file comes in pieces, and every byte of a file is accounted for."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.ingest.sample import EXAMPLES
from tieout.ingest.framing import (
    Item,
    MalformedGzip,
    NotAnArray,
    array_items,
    ended_lines,
    lines,
    unpacked,
)
from tieout.ingest.reason import Reason
from tieout.kernel.limits import ITEM_BYTES_MAX

SIZES = st.integers(1, 9)


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    yield from (data[start : start + size] for start in range(0, len(data), size))


@EXAMPLES
@given(st.lists(st.sampled_from([b"", b"  ", b"{}", b"a\r", b'{"a": 1}', b"\xff"]), max_size=9), SIZES)
def test_lines_are_numbered_and_blank_ones_skipped(texts: list[bytes], size: int) -> None:
    expected = [
        Item(number, text.removesuffix(b"\r")) for number, text in enumerate(texts, start=1) if text.strip()
    ]
    assert list(lines(pieces(b"\n".join(texts), size))) == expected
    assert list(lines(pieces(b"\n".join(texts) + b"\n", size))) == expected


def test_a_last_line_without_an_ending_is_a_line() -> None:
    assert list(lines([b'{"a": 1}\n{"a"'])) == [Item(1, b'{"a": 1}'), Item(2, b'{"a"')]


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_a_byte_order_mark_is_dropped_at_the_start_of_a_file_only(size: int) -> None:
    mark = b"\xef\xbb\xbf"
    assert list(lines(pieces(mark + b"a\n" + mark + b"b", size))) == [Item(1, b"a"), Item(2, mark + b"b")]
    assert list(array_items(pieces(mark + b"[1]", size), file="f")) == [Item(1, b"1")]


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"\n\n", b" \r\n"])
def test_an_empty_file_has_no_items(data: bytes) -> None:
    assert list(lines([data])) == []
    assert list(array_items([data], file="f")) == []


def test_a_line_beyond_the_limit_is_cut_one_byte_beyond_it() -> None:
    long = b"x" * (3 * ITEM_BYTES_MAX)
    found = list(lines(pieces(b"a\n" + long + b"\nb\n" + long, 100_000)))
    assert [(item.number, len(item.raw)) for item in found] == [
        (1, 1),
        (2, ITEM_BYTES_MAX + 1),
        (3, 1),
        (4, ITEM_BYTES_MAX + 1),
    ]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='ab"\\[]{}, :é'),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet='a"\\[]'), inner, max_size=3)
    ),
    max_leaves=8,
)


@EXAMPLES
@given(st.lists(JSON_VALUES, max_size=5), SIZES, st.sampled_from([None, 1]), st.booleans())
def test_the_members_of_an_array_are_found_in_any_pieces(
    values: list[object], size: int, indent: int | None, ascii_only: bool
) -> None:
    data = f" {json.dumps(values, indent=indent, ensure_ascii=ascii_only)}\n ".encode()
    found = list(array_items(pieces(data, size), file="f"))
    assert [json.loads(item.raw) for item in found] == values
    assert [item.number for item in found] == list(range(1, len(values) + 1))


@pytest.mark.parametrize(
    ("data", "items"),
    [
        (
            b'[{"a": 1}, {"b',
            [Item(1, b'{"a": 1}'), Item(2, b'{"b', Reason.TRUNCATED, "the array ends early")],
        ),
        (b'[{"a": 1}', [Item(1, b'{"a": 1}', Reason.TRUNCATED, "the array ends early")]),
        (b'[{"a": 1},', [Item(1, b'{"a": 1}'), Item(2, b"", Reason.TRUNCATED, "the array ends early")]),
        (b"[", [Item(1, b"", Reason.TRUNCATED, "the array ends early")]),
        (b'["a]', [Item(1, b'"a]', Reason.TRUNCATED, "the array ends early")]),
        (b"[1,,2,]", [Item(1, b"1"), Item(2, b""), Item(3, b"2"), Item(4, b"")]),
        (b"[1] [2]", [Item(1, b"1"), Item(2, b"[2]", Reason.NOT_JSON, "follows the end of the array")]),
        (b"[]]", [Item(1, b"]", Reason.NOT_JSON, "follows the end of the array")]),
        (b"[[1,2],{}]", [Item(1, b"[1,2]"), Item(2, b"{}")]),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 1_000])
def test_a_broken_array_leaves_visible_items(data: bytes, items: list[Item], size: int) -> None:
    assert list(array_items(pieces(data, size), file="f")) == items


def test_a_file_that_is_no_array_is_refused_by_name() -> None:
    with pytest.raises(NotAnArray, match=r"events\.json, line 1"):
        list(array_items([b' {"id": "a"}\n'], file="events.json"))


def test_an_item_that_is_not_whole_says_why() -> None:
    (item,) = array_items([b"["], file="f")
    rejected = item.rejected()
    assert (rejected.reason, rejected.source, rejected.id) == (Reason.TRUNCATED, "unknown", None)


@EXAMPLES
@given(st.binary(max_size=300), SIZES, st.booleans())
def test_gzip_is_known_by_its_magic_and_read_member_by_member(data: bytes, size: int, padded: bool) -> None:
    packed = gzip.compress(data) + gzip.compress(b"") + gzip.compress(data[::-1]) + bytes(7 * padded)
    assert b"".join(unpacked(pieces(packed, size), file="f")) == data + data[::-1]


@EXAMPLES
@given(st.binary(max_size=300).filter(lambda data: not data.startswith(b"\x1f\x8b")), SIZES)
def test_what_is_not_gzip_passes_as_it_is(data: bytes, size: int) -> None:
    assert b"".join(unpacked(pieces(data, size), file="f")) == data


def test_a_gzip_bomb_comes_in_bounded_pieces() -> None:
    packed = gzip.compress(bytes(50_000_000))
    sizes = [len(piece) for piece in unpacked([packed], file="f")]
    assert sum(sizes) == 50_000_000 and max(sizes) <= 1_048_576


@pytest.mark.parametrize("kept", [5, 30, -1])
def test_a_gzip_file_that_ends_early_is_refused_after_what_it_holds(kept: int) -> None:
    packed = gzip.compress(b"line\n" * 1_000, mtime=0)[:kept]
    with pytest.raises(MalformedGzip, match=r"f\.gz"):
        list(unpacked([packed], file="f.gz"))


def test_a_damaged_gzip_file_is_refused() -> None:
    packed = bytearray(gzip.compress(b"line\n" * 1_000, mtime=0))
    packed[-5] ^= 1
    with pytest.raises(MalformedGzip, match=r"f\.gz"):
        list(unpacked([bytes(packed)], file="f.gz"))


@pytest.mark.parametrize("size", [1, 3, 100])
def test_a_log_line_without_its_end_is_cut(size: int) -> None:
    """What is there of it may still read well: `200 203` of `200 20310`."""
    whole, cut = Item(1, b"200 1"), Item(2, b"200 203", Reason.TRUNCATED, "the line has no end")
    assert list(ended_lines(pieces(b"200 1\n200 203", size))) == [whole, cut]
    assert list(ended_lines(pieces(b"200 1\n200 203\n", size))) == [whole, Item(2, b"200 203")]
    assert list(ended_lines([])) == []
