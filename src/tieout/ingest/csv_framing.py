"""Records of a CSV file (RFC 4180), each with the bytes it came from, under a header that fits the mapping.

A header that does not fit makes every row meaningless, so the file is refused; a row that does not fit the
header is one bad row.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tieout.contract.source import SourceMapping
from tieout.ingest.framing import Item, physical_lines
from tieout.ingest.reason import Reason
from tieout.kernel.errors import Refusal, shown
from tieout.kernel.limits import ITEM_BYTES_MAX


class CsvHeaderRefused(Refusal):
    """The first line of a CSV file does not name the columns that the source mapping reads, each once."""

    code = "csv-header"

    def __init__(self, file: str, column: str | None, why: str) -> None:
        super().__init__(file, column, why)
        self.file = file
        self.column = column
        self.why = why

    def __str__(self) -> str:
        column = "" if self.column is None else f", column {shown(self.column)}"
        return f"{self.file}, line 1{column}: {self.why}."


@dataclass(frozen=True, slots=True)
class CsvRecord:
    """One record: its first line and bytes, and its cells by column where it fits the header `names`."""

    item: Item
    columns: Mapping[str, str]
    names: tuple[str, ...]


def csv_records(pieces: Iterable[bytes], mapping: SourceMapping, *, file: str) -> Iterator[CsvRecord]:
    """Each record below the header. Raises `CsvHeaderRefused` before the first. Blank lines are skipped."""
    rows = Rows(pieces)
    header = next(rows, None)
    if header is None:
        raise CsvHeaderRefused(file, None, "the file is empty")
    check_header(header, mapping, file=file)
    names = header.cells
    for row in rows:
        reason, detail = row.reason, row.detail
        if reason is Reason.NONE and len(row.cells) != len(names):
            reason, detail = Reason.ROW_MALFORMED, f"{len(row.cells)} cells, the header has {len(names)}"
        columns = dict(zip(names, row.cells, strict=True)) if reason is Reason.NONE else {}
        yield CsvRecord(Item(row.line, row.raw, reason, detail), columns, names)


def check_header(header: Row, mapping: SourceMapping, *, file: str) -> None:
    """Each column once, and every column that the mapping reads among them."""
    if header.reason is not Reason.NONE:
        raise CsvHeaderRefused(file, None, f"the header is {header.reason.code}: {header.detail}")
    seen: set[str] = set()
    for name in header.cells:
        if name in seen:
            raise CsvHeaderRefused(file, name, "the column is there twice")
        seen.add(name)
    for name in columns_read(mapping):
        if name not in seen:
            raise CsvHeaderRefused(file, name, f"source {mapping.key} reads this column, and it is missing")


def columns_read(mapping: SourceMapping) -> tuple[str, ...]:
    sources = [mapping.id, mapping.subject, *(source for _, source in mapping.fields)]
    named = [source.column for source in sources if source is not None and source.column is not None]
    return (mapping.time.column, *named)


@dataclass(frozen=True, slots=True)
class Row:
    """A record as the reader gave it: `line` counts from 1, `raw` has no line ending."""

    line: int
    raw: bytes
    cells: tuple[str, ...]
    reason: Reason
    detail: str


class Rows:
    """The reader of the standard library, strict, which remembers the lines that each record took."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._texts = Texts(pieces)
        self._reader = csv.reader(self._texts, strict=True)

    def __iter__(self) -> Rows:
        return self

    def __next__(self) -> Row:
        cells: list[str] = []
        while not cells:  # a blank line has none
            line = self._texts.start_record()
            try:
                cells = next(self._reader)
            except csv.Error as error:
                reason = Reason.TRUNCATED if self._texts.is_at_end else Reason.ROW_MALFORMED
                return Row(line, self._texts.raw(), (), reason, str(error))
        raw = self._texts.raw()
        if len(raw) > ITEM_BYTES_MAX:
            return Row(line, raw, (), Reason.TOO_LARGE, f"more than {ITEM_BYTES_MAX} bytes")
        if not is_utf8(raw):
            return Row(line, raw, (), Reason.NOT_UTF8, "a cell is not UTF-8")
        return Row(line, raw, tuple(cells), Reason.NONE, "")


class Texts:
    """The lines of a file as texts for the reader; those of the current record are remembered as bytes."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._lines = physical_lines(pieces)
        self._taken: list[bytes] = []
        self._taken_bytes = 0
        self._line = 0
        self.is_at_end = False

    def start_record(self) -> int:
        """Forgets the record before; the number of the line that comes next."""
        self._taken.clear()
        self._taken_bytes = 0
        return self._line + 1

    def raw(self) -> bytes:
        return b"\n".join(self._taken).removesuffix(b"\r")

    def __iter__(self) -> Texts:
        return self

    def __next__(self) -> str:
        if self._taken_bytes > ITEM_BYTES_MAX:
            raise csv.Error(f"a record of more than {ITEM_BYTES_MAX} bytes")
        line = next(self._lines, None)
        if line is None:
            self.is_at_end = True
            raise StopIteration
        self._line += 1
        self._taken.append(line)
        self._taken_bytes += len(line) + 1
        return line.decode("utf-8", "surrogateescape") + "\n"


def is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
