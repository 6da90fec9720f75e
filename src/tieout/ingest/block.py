"""One block of received items, decoded and validated: the part of ingestion that needs no lock and runs
anywhere.

Two ways to the same result: lines of a common layout are taken apart and checked column-wise; every other
item goes through `decode_json`, the definition, one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tieout.contract.event_contract import ContractBook
from tieout.ingest.columns import check
from tieout.ingest.decode_json import decode_item
from tieout.ingest.event import Event
from tieout.ingest.framing import BLANK
from tieout.ingest.layout import events_table
from tieout.ingest.line_layout import LineLayout, learn_layout
from tieout.ingest.rejection import Rejected
from tieout.ingest.split import split
from tieout.kernel.instant import Instant
from tieout.kernel.limits import ITEM_BYTES_MAX

LAYOUTS_MAX = 16
"""Different layouts that are tried on a block; lines of still others go through the definition."""
SAMPLES_MAX = 512
"""Lines of a block that are looked at for a layout; one that has none must not use up the try of another."""
NEWLINE, RETURN, SPACE, BACKSLASH, DELETE = 10, 13, 32, 92, 127


@dataclass(frozen=True, slots=True)
class Refused:
    """An item for the quarantine: its received row in the block, and its bytes as they came."""

    row: int
    raw: bytes
    rejected: Rejected


@dataclass(frozen=True, slots=True)
class Block:
    """`received` items: body tables by (type, contract version) with received rows and zero lanes, and
    refusals.
    """

    received: int
    tables: tuple[pa.Table, ...]
    refused: tuple[Refused, ...]


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of a block that are not blank, by byte offsets: line i is buffer[starts[i]:ends[i]], without its
    line ending, and stands at line `numbers[i]` of the block's `physical` ones, counting from 0.
    `odd` marks items that are no line (they are empty, or hold newlines): those are for the definition.
    """

    buffer: bytes
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.int64]
    physical: int
    odd: npt.NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: int) -> bytes:
        return self.buffer[self.starts[index] : self.ends[index]].removesuffix(b"\r")

    def joined(self, indices: npt.NDArray[np.int64]) -> bytes:
        """These lines, each ended by a newline; the buffer itself where they are all it holds."""
        whole = len(indices) == len(self) == self.physical and self.odd is None
        if whole and self.buffer.endswith(b"\n"):
            return self.buffer
        return b"".join([self.buffer[self.starts[index] : self.ends[index]] + b"\n" for index in indices])


def lines_of(buffer: bytes) -> Lines:
    """The lines of `buffer` that are not blank; the last may lack its newline."""
    octets = np.frombuffer(buffer, dtype=np.uint8)
    ends = np.flatnonzero(octets == NEWLINE)
    if len(octets) and octets[-1] != NEWLINE:
        ends = np.append(ends, len(octets))
    starts = np.empty_like(ends)
    starts[:1] = 0
    starts[1:] = ends[:-1] + 1
    numbers, physical = np.arange(len(starts)), len(starts)
    suspects = np.flatnonzero(starts < ends)
    suspects = suspects[octets[starts[suspects]] <= SPACE]
    blank = starts == ends
    blank[[index for index in suspects if not buffer[starts[index] : ends[index]].strip(BLANK)]] = True
    if blank.any():
        starts, ends, numbers = starts[~blank], ends[~blank], numbers[~blank]
    return Lines(buffer, starts, ends, numbers, physical)


def decode_lines(
    lines: Lines, book: ContractBook, *, received_at: Instant, default_source: str | None
) -> Block:
    """Items of NDJSON, one a line."""
    tables: list[pa.Table] = []
    open_lines = np.flatnonzero(~_for_definition(lines))
    layouts = 0
    for _ in range(SAMPLES_MAX):
        if not len(open_lines) or layouts == LAYOUTS_MAX:
            break
        sample = lines[int(open_lines[0])]
        outcome = decode_item(sample, book, received_at=received_at, default_source=None)
        layout = None
        if isinstance(outcome, Event):
            layout = learn_layout(sample, book.versions(outcome.type)[-1])
        if layout is None:
            open_lines = open_lines[1:]
            continue
        layouts += 1
        taken, open_lines = _take(lines, open_lines, layout, tables, received_at=received_at)
        if not taken:
            break
    return _with_the_rest(lines, tables, book, received_at=received_at, default_source=default_source)


def _take(
    lines: Lines,
    candidates: npt.NDArray[np.int64],
    layout: LineLayout,
    tables: list[pa.Table],
    *,
    received_at: Instant,
) -> tuple[bool, npt.NDArray[np.int64]]:
    """Adds a table of the candidates that fit the layout and are proven fit; returns whether any line had the
    layout, and the candidates that have another."""
    taken = split(lines.joined(candidates), len(candidates), layout)
    rows = candidates[taken.lines]
    checked = check(taken, layout, rows.astype(np.int32), received_at=received_at)
    flagged = checked.flagged
    table = checked.table.filter(pa.array(~flagged)) if flagged.any() else checked.table
    if table.num_rows:
        tables.append(table)
    return len(rows) > 0, np.delete(candidates, taken.lines)


def _with_the_rest(
    lines: Lines,
    tables: list[pa.Table],
    book: ContractBook,
    *,
    received_at: Instant,
    default_source: str | None,
) -> Block:
    """Whatever no table has taken goes through the definition."""
    is_open = np.ones(len(lines), dtype=bool)
    for table in tables:
        is_open[table.column("row").to_numpy()] = False
    items = [(int(row), lines[int(row)]) for row in np.flatnonzero(is_open)]
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


def _for_definition(lines: Lines) -> npt.NDArray[np.bool_]:
    """Lines with a backslash, a carriage return, a DEL or a byte beyond ASCII, and lines that are too
    long.
    """
    flags: npt.NDArray[np.bool_] = lines.ends - lines.starts > ITEM_BYTES_MAX
    if lines.odd is not None:
        flags |= lines.odd
    buffer = lines.buffer
    if not len(lines):
        return flags
    if buffer.isascii() and not any(octet in buffer for octet in (b"\\", b"\r", b"\x7f")):
        return flags
    octets = np.frombuffer(buffer, dtype=np.uint8)
    places = np.flatnonzero((octets == BACKSLASH) | (octets == RETURN) | (octets >= DELETE))
    owners = np.searchsorted(lines.starts, places, side="right") - 1
    flags[owners[(owners >= 0) & (places < lines.ends[owners])]] = True
    return flags
