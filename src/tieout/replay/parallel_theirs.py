"""What the system that is to be replaced has billed: a CSV export, read with all problems at once.

A row is a line of an invoice. A date without a time is a local day of the customer, whose zone is not known
here.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from tieout.contract.problem import Problem
from tieout.contract.reading.table import DATE_PATTERN
from tieout.kernel.instant import Instant, MalformedInstant, parse_instant
from tieout.kernel.money import UnknownCurrency, currency
from tieout.kernel.rational import Exact, MalformedExact, exact

NEEDED: Final = ("customer", "period_start", "period_end", "item", "currency", "amount")
OPTIONAL: Final = ("quantity", "unit", "tax", "invoice")
COLUMNS: Final = (*NEEDED, *OPTIONAL)

When = Instant | date
"""An instant, or a local day of the customer."""


@dataclass(frozen=True, slots=True)
class TheirRow:
    """A line of one of their invoices, in their words. What a cell that may be blank says is None there."""

    line: int
    customer: str
    start: When
    end: When
    item: str
    currency: str
    amount: Exact
    quantity: Exact | None = None
    unit: str | None = None
    tax: Exact | None = None
    invoice: str | None = None


@dataclass(frozen=True, slots=True)
class Theirs:
    """A whole file. `unread`: its columns that mean nothing here."""

    rows: tuple[TheirRow, ...]
    unread: tuple[str, ...]


def parse_theirs(file: str, text: str, columns: Mapping[str, str]) -> tuple[Theirs | None, list[Problem]]:
    """`columns`: how the file calls a column, where it calls it otherwise. None where there are problems."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    problems: list[Problem] = []
    rows: list[TheirRow] = []
    named = {columns.get(name, name): name for name in COLUMNS}
    try:
        header = next(reader, [])
        problems += _header_problems(file, header, named)
        if problems:
            return None, problems
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(header):
                message = f"has {len(cells)} cells, and the first line names {len(header)} columns"
                problems.append(Problem(file, "", "", message, reader.line_num))
                continue
            said = {
                named[name]: cell.strip() for name, cell in zip(header, cells, strict=True) if name in named
            }
            row = _Row(file, reader.line_num, columns, said, problems).read()
            rows += [] if row is None else [row]
    except csv.Error as error:
        problems.append(Problem(file, "", "", f"is not CSV: {error}", reader.line_num))
    if not rows and not problems:
        problems.append(Problem(file, "", "", "bills nothing: it has no rows"))
    unread = tuple(name for name in header if name not in named)
    return (None if problems else Theirs(tuple(rows), unread)), problems


def _header_problems(file: str, header: list[str], named: Mapping[str, str]) -> list[Problem]:
    found = [
        Problem(file, "", name, f"is needed as a column{'' if ours == name else f' (for {ours})'}", 1)
        for name, ours in named.items()
        if ours in NEEDED and name not in header
    ]
    twice = sorted({name for name in header if name in named and header.count(name) > 1})
    return found + [Problem(file, "", name, "is named twice", 1) for name in twice]


class _Row:
    """One row while it is read; every problem is noted under the file's own name of the column."""

    def __init__(
        self,
        file: str,
        line: int,
        columns: Mapping[str, str],
        said: Mapping[str, str],
        problems: list[Problem],
    ) -> None:
        self._file, self._line, self._columns = file, line, columns
        self._said, self._problems = said, problems

    def read(self) -> TheirRow | None:
        before = len(self._problems)
        start, end = self._when("period_start"), self._when("period_end")
        row = TheirRow(
            line=self._line,
            customer=self._needed("customer"),
            start=start,
            end=end,
            item=self._needed("item"),
            currency=self._currency(),
            amount=self._exact("amount") or Exact(0),
            quantity=self._exact("quantity"),
            unit=self._said.get("unit") or None,
            tax=self._exact("tax"),
            invoice=self._said.get("invoice") or None,
        )
        if type(start) is not type(end):
            self._wrong("period_end", "is a day where period_start is an instant, or the other way round")
        return row if len(self._problems) == before else None

    def _wrong(self, name: str, message: str) -> None:
        shown = self._columns.get(name, name)
        self._problems.append(Problem(self._file, "", shown, message, self._line))

    def _needed(self, name: str) -> str:
        text = self._said.get(name, "")
        if not text:
            self._wrong(name, "is blank")
        return text

    def _currency(self) -> str:
        text = self._needed("currency")
        try:
            return currency(text).code if text else ""
        except UnknownCurrency as error:
            self._wrong("currency", str(error))
            return ""

    def _exact(self, name: str) -> Exact | None:
        text = self._said.get(name, "") if name in OPTIONAL else self._needed(name)
        try:
            return exact(text) if text else None
        except MalformedExact as error:
            self._wrong(name, str(error))
            return None

    def _when(self, name: str) -> When:
        text = self._needed(name)
        try:
            if DATE_PATTERN.match(text):
                return date.fromisoformat(text)
            return parse_instant(text) if text else Instant(0)
        except (MalformedInstant, ValueError):
            self._wrong(
                name, f"{text!r} is neither a day such as 2026-01-31 nor an RFC 3339 time with an offset"
            )
            return Instant(0)
