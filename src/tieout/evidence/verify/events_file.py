"""Reads an events file of a pack: CSV in which every text is quoted, every number is not, and what is absent
is empty. Lines end with a line feed; the last one too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tieout.kernel.instant import Instant

HEAD = ("batch", "row", "source", "id", "type", "subject", "time", "contract_version", "extras")
TAIL = ("identity_key", "content_digest", "residue_digest")
PREFIX = "f_"
_CELL = re.compile(r'(?:"((?:[^"]|"")*)"|([0-9-]*))(,|\n)')


class BadFile(ValueError):
    """The file is not written as such a file is."""


@dataclass(frozen=True, slots=True)
class DisclosedEvent:
    """`fields` are canonical texts without their tags, of the fields that the event has."""

    batch: int
    row: int
    source: str
    id: str
    type: str
    subject: str
    time: Instant
    contract_version: int
    extras: str
    identity_key: bytes
    content_digest: bytes
    residue_digest: bytes | None
    fields: dict[str, str]

    @property
    def order(self) -> tuple[Instant, int, int]:
        return self.time, self.batch, self.row

    @property
    def place(self) -> str:
        return f"b{self.batch}.r{self.row}"


def events_of(content: bytes) -> list[DisclosedEvent]:
    """In the order of the file. Raises `BadFile`."""
    try:
        rows = _rows(content.decode())
        header = [str(name) for name in next(rows, [])]
        fields = header[len(HEAD) : len(header) - len(TAIL)]
        if tuple(header) != (*HEAD, *fields, *TAIL) or fields != sorted(set(fields)):
            raise BadFile(f"its columns are {', '.join(header)}")
        names = [name.removeprefix(PREFIX) for name in fields]
        return [_event(row, names) for row in rows]
    except BadFile:
        raise
    except (ValueError, TypeError) as error:
        raise BadFile(str(error)) from error


def _event(row: list[str | None], names: list[str]) -> DisclosedEvent:
    batch, number, source, id_, type_, subject, time, version, extras, *rest = row
    key, digest, residue = rest[-3:]
    texts = zip(names, rest[:-3], strict=True)
    return DisclosedEvent(
        int(_text(batch)),
        int(_text(number)),
        _text(source),
        _text(id_),
        _text(type_),
        _text(subject),
        Instant(int(_text(time))),
        int(_text(version)),
        _text(extras),
        bytes.fromhex(_text(key)),
        bytes.fromhex(_text(digest)),
        None if residue is None else bytes.fromhex(residue),
        {name: text for name, text in texts if text is not None},
    )


def _text(cell: str | None) -> str:
    if cell is None:
        raise BadFile("a column that every event has is empty")
    return cell


def _rows(text: str) -> Iterator[list[str | None]]:
    place, end = 0, len(text)
    width = 0
    while place < end:
        stop = text.find("\n", place) + 1
        cells = _plain_line(text[place : stop - 1], width) if stop and width else None
        if cells is None:
            cells, stop = _line(text, place)
        width = width or len(cells)
        if len(cells) != width:
            raise BadFile(f"a line has {len(cells)} columns, the first one {width}")
        yield cells
        place = stop


def _plain_line(line: str, width: int) -> list[str | None] | None:
    """A line without commas, quotes or line feeds in its texts, which is how nearly all are."""
    parts = line.split(",")
    if len(parts) != width or line.count('"') % 2:
        return None
    cells: list[str | None] = []
    for part in parts:
        if part[:1] == '"':
            if len(part) < 2 or part[-1] != '"' or '"' in part[1:-1]:
                return None
            cells.append(part[1:-1])
        elif not part:
            cells.append(None)
        elif part.lstrip("-").isdigit() and part.isascii():
            cells.append(part)
        else:
            return None
    return cells


def _line(text: str, place: int) -> tuple[list[str | None], int]:
    """The definition of a line."""
    cells: list[str | None] = []
    while True:
        match = _CELL.match(text, place)
        if match is None:
            raise BadFile(f"character {place:,} is in no column")
        quoted, plain, closes = match.groups()
        cells.append(plain or None if quoted is None else quoted.replace('""', '"'))
        place = match.end()
        if closes == "\n":
            return cells, place
