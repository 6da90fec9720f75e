"""One block of received items, decoded and validated: the part of ingestion that needs no lock and runs anywhere.

Two ways to the same result: lines that fit a shape are decoded and checked column-wise; every other item goes
through `decode_json`, the definition, one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tieout.contract.event_contract import ContractBook
from tieout.ingest.columns import Collected, check
from tieout.ingest.decode_json import decode_item
from tieout.ingest.event import Event
from tieout.ingest.framing import BLANK
from tieout.ingest.layout import events_table
from tieout.ingest.rejection import Rejected
from tieout.ingest.shape import Shapes
from tieout.kernel.instant import Instant

LINES_PER_DECODE = 1_024
"""Few enough that the decoded structures stay in the processor's cache."""
NEWLINE, SPACE, QUOTE, BACKSLASH, DELETE = 10, 32, 34, 92, 127


@dataclass(frozen=True, slots=True)
class Refused:
    """An item for the quarantine: its received row in the block, and its bytes as they came."""

    row: int
    raw: bytes
    rejected: Rejected


@dataclass(frozen=True, slots=True)
class Block:
    """`received` items: body tables by (type, contract version) with received rows and zero lanes, and refusals."""

    received: int
    tables: tuple[pa.Table, ...]
    refused: tuple[Refused, ...]


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of a block that are not blank, by byte offsets: line i is buffer[starts[i]:ends[i]], without its line
    ending, and stands at line `numbers[i]` of the block, counting from 0."""

    buffer: bytes
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: int) -> bytes:
        return self.buffer[self.starts[index] : self.ends[index]].removesuffix(b"\r")


def lines_of(buffer: bytes) -> Lines:
    """The lines of `buffer` that are not blank; the last may lack its newline."""
    octets = np.frombuffer(buffer, dtype=np.uint8)
    ends = np.flatnonzero(octets == NEWLINE)
    if len(octets) and octets[-1] != NEWLINE:
        ends = np.append(ends, len(octets))
    starts = np.empty_like(ends)
    starts[:1] = 0
    starts[1:] = ends[:-1] + 1
    numbers = np.arange(len(starts))
    suspects = np.flatnonzero(starts < ends)
    suspects = suspects[octets[starts[suspects]] <= SPACE]
    blank = starts == ends
    blank[[index for index in suspects if not buffer[starts[index] : ends[index]].strip(BLANK)]] = True
    if blank.any():
        starts, ends, numbers = starts[~blank], ends[~blank], numbers[~blank]
    return Lines(buffer, starts, ends, numbers)


def decode_lines(
    lines: Lines, shapes: Shapes, book: ContractBook, *, received_at: Instant, default_source: str | None
) -> Block:
    """Items of NDJSON, one a line."""
    tables: list[pa.Table] = []
    doubtful = np.ones(len(lines), dtype=bool)
    quotes_found = _quotes(lines)
    doubtful_bytes = _doubtful(lines)
    for collected in _collect(lines, shapes):
        checked = check(collected, received_at=received_at)
        own = np.asarray(collected.lines)
        flagged = checked.flagged | (quotes_found[own] != checked.quotes) | doubtful_bytes[own]
        doubtful[own[~flagged]] = False
        table = checked.table.filter(pa.array(~flagged)) if flagged.any() else checked.table
        if table.num_rows:
            tables.append(table)
    rows = np.flatnonzero(doubtful)
    items = [(int(row), lines[row]) for row in rows]
    slow = decode_items(items, book, received_at=received_at, default_source=default_source)
    return Block(len(lines), (*tables, *slow.tables), slow.refused)


def decode_items(
    items: Sequence[tuple[int, bytes]],
    book: ContractBook,
    *,
    received_at: Instant,
    default_source: str | None,
) -> Block:
    """Items one by one through the definition; each comes with its received row."""
    decoded = [
        (row, raw, decode_item(raw, book, received_at=received_at, default_source=default_source))
        for row, raw in items
    ]
    return block_of(decoded, book)


def block_of(decoded: Sequence[tuple[int, bytes, Event | Rejected]], book: ContractBook) -> Block:
    """A block from items that the definition has decided: (received row, raw bytes, outcome)."""
    refused: list[Refused] = []
    by_contract: dict[tuple[str, int], list[tuple[int, Event]]] = {}
    for row, raw, outcome in decoded:
        if isinstance(outcome, Rejected):
            refused.append(Refused(row, raw, outcome))
        else:
            by_contract.setdefault((outcome.type, outcome.contract_version), []).append((row, outcome))
    tables = []
    for (event_type, version), pairs in sorted(by_contract.items()):
        contract = book.get(event_type, version)
        assert contract is not None, "an event keeps a contract of this book"
        tables.append(events_table([event for _, event in pairs], [row for row, _ in pairs], contract))
    return Block(len(decoded), tuple(tables), tuple(refused))


def _collect(lines: Lines, shapes: Shapes) -> list[Collected]:
    by_structure = {structure: Collected(shape) for structure, shape in shapes.by_structure.items()}
    for first in range(0, len(lines), LINES_PER_DECODE):
        last = min(first + LINES_PER_DECODE, len(lines))
        chunk = lines.buffer[lines.starts[first] : lines.ends[last - 1]]
        decoded: Sequence[msgspec.Struct | None] | None = shapes.decode_lines(chunk, last - first)
        if decoded is None:
            decoded = [shapes.decode(lines[index]) for index in range(first, last)]
        kinds = {type(item) for item in decoded}
        for kind in kinds & by_structure.keys():
            own = [index for index, item in enumerate(decoded) if type(item) is kind]
            fitting = [item for item in decoded if item is not None and type(item) is kind]
            by_structure[kind].add(fitting, [first + index for index in own])
    return [collected for collected in by_structure.values() if collected.lines]


def _quotes(lines: Lines) -> npt.NDArray[np.int64]:
    """How many quotes each line has: without backslashes, exactly two for each key and each text."""
    quotes = np.flatnonzero(np.frombuffer(lines.buffer, dtype=np.uint8) == QUOTE)
    counts: npt.NDArray[np.int64] = np.searchsorted(quotes, lines.ends) - np.searchsorted(quotes, lines.starts)
    return counts


def _doubtful(lines: Lines) -> npt.NDArray[np.bool_]:
    """Lines with a backslash, a DEL or a byte beyond ASCII, whose texts need the definition's eye."""
    flags = np.zeros(len(lines), dtype=bool)
    buffer = lines.buffer
    if buffer.isascii() and b"\\" not in buffer and b"\x7f" not in buffer:
        return flags
    octets = np.frombuffer(buffer, dtype=np.uint8)
    places = np.flatnonzero((octets == BACKSLASH) | (octets >= DELETE))
    flags[np.searchsorted(lines.starts, places, side="right") - 1] = True
    return flags
