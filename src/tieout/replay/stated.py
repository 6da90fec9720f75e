"""Files of expectations: CSV whose first line names the columns, read with all problems at once.

The columns say how finely it is stated: columns of identity (whose, when, of what) make the key of a row, and
what the product found is added up over it. A blank value is not stated.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tieout.contract.problem import Problem
from tieout.kernel.instant import MalformedInstant, format_instant, parse_instant
from tieout.kernel.rational import Exact, MalformedExact, exact
from tieout.replay.face import What

INSTANTS: Final = ("period_start", "period_end", "segment_start", "segment_end", "corrects")
PAPER: Final = ("customer", "period_start", "period_end", "currency", "kind", "sequence")
KEYS: Final[Mapping[What, tuple[str, ...]]] = {
    What.LINES: (
        *PAPER,
        *("subscription", "price", "program", "meter", "group", "segment_start", "segment_end"),
        *("unit", "description", "corrects"),
    ),
    What.TOTALS: PAPER,
    What.COUNTS: (),
}
NEEDED: Final[Mapping[What, tuple[str, ...]]] = {
    What.LINES: ("customer", "period_start", "currency"),
    What.TOTALS: ("customer", "period_start", "currency"),
    What.COUNTS: (),
}
VALUES: Final[Mapping[What, tuple[str, ...]]] = {
    What.LINES: ("events", "quantity", "amount"),
    What.TOTALS: ("subtotal", "discounts", "taxes", "total", "due"),
    What.COUNTS: ("received", "accepted", "duplicate", "conflict", "quarantined"),
}
"""`events`: how many a line counts. `discounts`, and `taxes` that are added to prices: as printed."""

Key = tuple[tuple[str, str], ...]
"""Column and text, in the order of the file's columns; instants as they are printed everywhere."""


@dataclass(frozen=True, slots=True)
class StatedRow:
    """One row of a file: its key and what is stated of it."""

    line: int
    key: Key
    values: Mapping[str, Exact]


@dataclass(frozen=True, slots=True)
class Stated:
    """A whole file. `columns` are those of the key."""

    what: What
    columns: tuple[str, ...]
    rows: tuple[StatedRow, ...]


def parse_stated(file: str, text: str, what: What) -> tuple[Stated | None, list[Problem]]:
    """None where there are problems."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    problems: list[Problem] = []
    rows: list[StatedRow] = []
    try:
        header = next(reader, [])
        problems += _header_problems(file, header, what)
        if problems:
            return None, problems
        seen: dict[Key, int] = {}
        for cells in reader:
            if not cells:
                continue
            row = _row(file, reader.line_num, header, cells, what, problems)
            if row is None:
                continue
            if row.key in seen:
                message = f"states the same again as line {seen[row.key]}; add a column that tells them apart"
                problems.append(Problem(file, "", "", message, row.line))
            seen.setdefault(row.key, row.line)
            rows.append(row)
    except csv.Error as error:
        problems.append(Problem(file, "", "", f"is not CSV: {error}", reader.line_num))
    if not rows and not problems:
        problems.append(Problem(file, "", "", "states nothing"))
    if problems:
        return None, problems
    return Stated(what, tuple(name for name in header if name in KEYS[what]), tuple(rows)), []


def _header_problems(file: str, header: list[str], what: What) -> list[Problem]:
    known = (*KEYS[what], *VALUES[what])
    found = [
        Problem(file, "", name, f"is no column of {what}; there are {', '.join(known)}", 1)
        for name in header
        if name not in known
    ]
    found += [
        Problem(file, "", name, "is needed as a column", 1) for name in NEEDED[what] if name not in header
    ]
    found += [
        Problem(file, "", name, "is named twice", 1) for name in sorted(set(header)) if header.count(name) > 1
    ]
    if not set(header) & set(VALUES[what]):
        found.append(Problem(file, "", "", f"has none of the columns {', '.join(VALUES[what])}", 1))
    return found


def _row(
    file: str, line: int, header: list[str], cells: list[str], what: What, problems: list[Problem]
) -> StatedRow | None:
    if len(cells) != len(header):
        message = f"has {len(cells)} cells, and the first line names {len(header)} columns"
        problems.append(Problem(file, "", "", message, line))
        return None
    key: list[tuple[str, str]] = []
    values: dict[str, Exact] = {}
    before = len(problems)
    for name, cell in zip(header, cells, strict=True):
        try:
            if name in VALUES[what]:
                values |= {name: exact(cell)} if cell else {}
            elif name in INSTANTS and (cell or name != "corrects"):
                key.append((name, format_instant(parse_instant(cell))))
            elif name == "group":
                key.append((name, ";".join(sorted(cell.split(";")))))
            else:
                key.append((name, cell))
        except (MalformedExact, MalformedInstant) as error:
            problems.append(Problem(file, "", name, str(error), line))
    if len(problems) > before:
        return None
    if not values:
        problems.append(Problem(file, "", "", "states no value", line))
    return StatedRow(line, tuple(key), values)
