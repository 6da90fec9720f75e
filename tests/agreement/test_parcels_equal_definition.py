"""The items of a body, divided at speed and by the definition: the same bytes, in the same order."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tieout.ingest.framing import NotAnArray, array_items, lines
from tieout.ingest.parcel import (
    NoItems,
    Parcel,
    TooManyItems,
    gather,
    parcel_of_array,
    parcel_of_item,
    parcel_of_lines,
)
from tieout.ingest.reason import Reason
from tieout.kernel.limits import ITEM_BYTES_MAX, REQUEST_ITEMS_MAX

ATOMS = st.sampled_from(
    [
        b"1",
        b"{}",
        b'{"a":[1,{"b":2}]}',
        b'"]"',
        b'"\\""',
        b'"a,b"',
        b"\xff",
        b"[1,2]",
        b"nul",
        b"",
        b'"\n"',
        b'{"a":\n1}',
    ]
)
GAPS = st.sampled_from([b"", b" ", b"\n", b"\r\n", b"\t \n"])
SCRAPS = st.lists(
    st.sampled_from([*b'[]{}",\\ \n1ae:'.split(b"|"), b"[", b"]", b"{", b"}", b'"', b",", b"\\", b"\n", b"1"])
).map(b"".join)


@st.composite
def arrays(draw: st.DrawFn) -> bytes:
    """Mostly arrays; some end early, some go on."""
    items = draw(st.lists(st.tuples(GAPS, ATOMS, GAPS), max_size=6))
    whole = b"[" + b",".join(b"".join(item) for item in items) + b"]"
    whole = draw(GAPS) + whole + draw(st.sampled_from([b"", b"\n", b" x", b"[]"]))
    return whole[: len(whole) - draw(st.integers(0, 3))]


def held(parcel: Parcel) -> list[tuple[bytes, Reason]]:
    """Each item as the group sees it: its bytes, and what the framing says of it."""
    gathered = gather([parcel])
    assert gathered.firsts.tolist() == [0, len(gathered.lines)]
    refused = {row: rejected.reason for row, rejected in gathered.refused.items()}
    return [(gathered.lines[row], refused.get(row, Reason.NONE)) for row in range(len(gathered.lines))]


@given(arrays() | SCRAPS)
@example(b"\xef\xbb\xbf[1]")
@example(b'[{"a":\n1},2]')
@example(b"[" * 5_000)
@example(b"[" + b'{"a":' * 2_000 + b"}" * 2_000 + b"]")
@example(b"[" + b'"' + b"x" * (ITEM_BYTES_MAX + 5) + b'",1]')
def test_an_array_is_divided_as_the_definition_divides_it(body: bytes) -> None:
    try:
        expected = [(item.raw, item.reason) for item in array_items([body], file="it")]
    except NotAnArray:
        with pytest.raises(NotAnArray):
            parcel_of_array(body)
        return
    if not expected:
        with pytest.raises((NoItems, NotAnArray)):
            parcel_of_array(body)
        return
    assert held(parcel_of_array(body)) == expected


@given(st.lists(st.tuples(ATOMS, GAPS)).map(lambda parts: b"".join(a + b + b"\n" for a, b in parts)) | SCRAPS)
@example(b"x" * (ITEM_BYTES_MAX + 9) + b"\n1")
@example(b"\r\n1\r\n\r\n2")
def test_lines_are_divided_as_the_definition_divides_them(body: bytes) -> None:
    expected = [(item.raw, item.reason) for item in lines([body])]
    if not expected:
        with pytest.raises(NoItems):
            parcel_of_lines(body)
        return
    assert held(parcel_of_lines(body)) == expected


@given(st.lists(arrays() | SCRAPS, min_size=1, max_size=6), st.data())
def test_gathered_parcels_keep_their_items_and_their_owners(bodies: list[bytes], data: st.DataObject) -> None:
    parcels = []
    for body in bodies:
        divide = data.draw(st.sampled_from([parcel_of_array, parcel_of_lines, parcel_of_item]))
        try:
            parcels.append(divide(body))
        except (NoItems, NotAnArray):
            continue
    if not parcels:
        return
    gathered = gather(parcels)
    apart = [held(parcel) for parcel in parcels]
    assert [gathered.lines[row] for row in range(len(gathered.lines))] == [
        raw for items in apart for raw, _ in items
    ]
    owners = [place for place, items in enumerate(apart) for _ in items]
    rows = np.arange(len(gathered.lines))
    assert gathered.owner_of(rows).tolist() == owners
    assert len(gathered.refused) == sum(reason is not Reason.NONE for items in apart for _, reason in items)


@pytest.mark.parametrize("count", [REQUEST_ITEMS_MAX, REQUEST_ITEMS_MAX + 1])
def test_the_limit_is_inclusive(count: int) -> None:
    for body, divide in (
        (json.dumps([1] * count).encode(), parcel_of_array),
        (b"1\n" * count, parcel_of_lines),
        (b"[" + b"1," * (count - 1) + b"nul]", parcel_of_array),
    ):
        if count > REQUEST_ITEMS_MAX:
            with pytest.raises(TooManyItems):
                divide(body)
        else:
            assert len(held(divide(body))) == count
