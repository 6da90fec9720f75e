"""The items of one request: where each begins and ends in its body.

NDJSON, a JSON array, or one JSON text. An array is divided at C speed where that is certain to mean what
`framing.array_items`, the definition, says; everything else goes through the definition.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import msgspec
import numpy as np
import numpy.typing as npt

from tieout.ingest.block import Lines, lines_of
from tieout.ingest.framing import BLANK, BYTE_ORDER_MARK, Item, array_items, lines
from tieout.ingest.reason import Reason
from tieout.ingest.rejection import Rejected
from tieout.kernel.errors import Refusal
from tieout.kernel.limits import ITEM_BYTES_MAX, REQUEST_ITEMS_MAX

_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_COMMAS_MAX = 30 * REQUEST_ITEMS_MAX
"""An array with more commas may hold so many items that the definition, which can stop early, divides it."""


class NoItems(Refusal):
    """A body in which no item can be told apart."""

    code = "no-items"

    def __init__(self) -> None:
        super().__init__("The body holds no item: send one event, an array of events, or one event a line.")


class TooManyItems(Refusal):
    """More items in one request than one receipt should answer for."""

    code = "too-many-items"

    def __init__(self) -> None:
        super().__init__(f"The body holds more than {REQUEST_ITEMS_MAX} items (lines); send it in parts.")


@dataclass(frozen=True, slots=True)
class Parcel:
    """Items one after the other in `content`, each ended by a newline.

    `ends`: the offset behind each item, where the items are not simply the lines that are not blank.
    `lines_max`: at most so many items. `refused`: what the framing, or the headers, already say of an item,
    by its index.
    """

    content: bytes
    lines_max: int
    ends: npt.NDArray[np.int64] | None = None
    refused: Mapping[int, Rejected] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert self.content.endswith(b"\n") and self.lines_max > 0, "a parcel holds whole items"


def parcel_of_item(raw: bytes, refused: Rejected | None = None) -> Parcel:
    """One item: the whole text, however many lines it has. Raises `NoItems`."""
    item = raw.removeprefix(BYTE_ORDER_MARK).strip(BLANK)
    if not item:
        raise NoItems
    if b"\n" not in item and refused is None:
        return Parcel(item + b"\n", 1)
    return _divided([item], {} if refused is None else {0: refused})


def parcel_of_lines(body: bytes) -> Parcel:
    """Each line that is not blank. Raises `NoItems` or `TooManyItems`."""
    content = body.removeprefix(BYTE_ORDER_MARK)
    if not content.strip(BLANK):
        raise NoItems
    if not content.endswith(b"\n"):
        content += b"\n"
    count = content.count(b"\n")
    if count > REQUEST_ITEMS_MAX:
        raise TooManyItems
    if len(content) > ITEM_BYTES_MAX:  # a line may be too long to be kept whole
        return _by_definition(lines([content]))
    return Parcel(content, count)


def parcel_of_array(body: bytes) -> Parcel:
    """Each member of a JSON array. Raises `NoItems`, `TooManyItems` or `NotAnArray`."""
    raws: Sequence[msgspec.Raw | bytes] | None = None
    if body.count(b",") <= _COMMAS_MAX:
        try:
            raws = _ARRAY.decode(body)
        except (msgspec.DecodeError, RecursionError):
            raws = None
    if raws is None or (
        len(body) > ITEM_BYTES_MAX and any(len(raw) > ITEM_BYTES_MAX for raw in _bytes(raws))
    ):
        return _by_definition(array_items([body], file="The body"))
    if not raws:
        raise NoItems
    if len(raws) > REQUEST_ITEMS_MAX:
        raise TooManyItems
    content = b"\n".join(raws) + b"\n"
    if content.count(b"\n") != len(raws):
        return _divided(_bytes(raws), {})
    return Parcel(content, len(raws))


def _bytes(raws: Sequence[msgspec.Raw | bytes]) -> list[bytes]:
    return [bytes(raw) for raw in raws]


def _by_definition(items: Iterable[Item]) -> Parcel:
    found = list(islice(items, REQUEST_ITEMS_MAX + 1))
    if not found:
        raise NoItems
    if len(found) > REQUEST_ITEMS_MAX:
        raise TooManyItems
    refused = {place: item.rejected() for place, item in enumerate(found) if item.reason is not Reason.NONE}
    return _divided([item.raw for item in found], refused)


def _divided(items: Sequence[bytes], refused: Mapping[int, Rejected]) -> Parcel:
    """Items that may hold newlines, or nothing."""
    lengths = np.fromiter((len(item) for item in items), dtype=np.int64, count=len(items))
    ends = np.cumsum(lengths + 1) - 1
    content = b"".join([item + b"\n" for item in items])
    return Parcel(content, len(items), ends, refused)


@dataclass(frozen=True, slots=True)
class Gathered:
    """Items of several parcels as one block of lines; parcel i has rows `firsts[i]` to `firsts[i + 1]`."""

    lines: Lines
    firsts: npt.NDArray[np.int64]
    refused: Mapping[int, Rejected]

    def owner_of(self, rows: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """The parcel that each row belongs to."""
        return np.searchsorted(self.firsts, rows, side="right").astype(np.int64) - 1


def gather(parcels: Sequence[Parcel]) -> Gathered:
    """Every item of the parcels, in their order; the column-wise way then sees them all together."""
    buffer = b"".join([parcel.content for parcel in parcels])
    offsets = np.cumsum([0, *(len(parcel.content) for parcel in parcels)])
    if all(parcel.ends is None for parcel in parcels):
        whole = lines_of(buffer)
    else:
        whole = _lines_of_parcels(buffer, parcels, offsets)
    firsts = np.searchsorted(whole.starts, offsets)
    refused = {
        int(first) + place: rejected
        for parcel, first in zip(parcels, firsts, strict=False)
        for place, rejected in parcel.refused.items()
    }
    return Gathered(whole, firsts, refused)


def _lines_of_parcels(buffer: bytes, parcels: Sequence[Parcel], offsets: npt.NDArray[np.int64]) -> Lines:
    starts, ends, odd = [], [], []
    for parcel, offset in zip(parcels, offsets, strict=False):
        if parcel.ends is None:
            own = lines_of(parcel.content)
            starts.append(own.starts + offset)
            ends.append(own.ends + offset)
            odd.append(np.zeros(len(own), dtype=bool))
        else:
            starts.append(np.concatenate([[0], parcel.ends[:-1] + 1]) + offset)
            ends.append(parcel.ends + offset)
            odd.append(np.ones(len(parcel.ends), dtype=bool))
    whole = np.concatenate(starts)
    return Lines(
        buffer, whole, np.concatenate(ends), np.arange(len(whole)), len(whole), odd=np.concatenate(odd)
    )
