"""How the names of another billing system are read here, and which differences were agreed on: a TOML file.

format = "tieout/parallel-map/1"
source = "the system and the export"
period_end = "inclusive"                 # their last day; "exclusive" if left out
corrections = "in-their-period"          # "on-the-paper" if left out

[columns]                                # how the export calls a column
item = "Product"
[customers]                              # their name = our key
"ACC-1001" = "acme"
[units]                                  # their name = our name
"calls" = "call"

[[item]]                                 # one of prices, meters, coupon or ignore
name = "API usage"
prices = ["calls-usd"]

[[tolerance]]
name = "rounds each event"
amount = "0.05"                          # of one compared line, up or down
items = ["API usage"]                    # of these items only; all if left out
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from tieout.contract.document import parse_table
from tieout.contract.problem import Problem
from tieout.contract.reading.lines import document_lines, line_of
from tieout.contract.reading.table import Findings, TableReader
from tieout.kernel.rational import Exact
from tieout.replay.parallel_theirs import COLUMNS

MAP_FORMAT: Final = "tieout/parallel-map/1"
WHAT: Final = ("prices", "meters", "coupon", "ignore")


class PeriodEnd(Enum):
    """Whether their last day is inside their period."""

    EXCLUSIVE = "exclusive"
    INCLUSIVE = "inclusive"


class Corrections(Enum):
    """Where a line that corrects an earlier period is compared."""

    PAPER = "on-the-paper"
    PERIOD = "in-their-period"


@dataclass(frozen=True, slots=True)
class ItemMap:
    """What one of their items is here; `ignore` says why it is nothing here."""

    name: str
    prices: tuple[str, ...] = ()
    meters: tuple[str, ...] = ()
    coupon: str | None = None
    ignore: str | None = None


@dataclass(frozen=True, slots=True)
class Tolerance:
    """A difference of amounts that was agreed on: at most so much on one compared line. No `items`: any."""

    name: str
    amount: Exact
    items: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ParallelMap:
    """Without a file, their names are ours and nothing may differ."""

    source: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    customers: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    items: Mapping[str, ItemMap] = field(default_factory=dict)
    tolerances: tuple[Tolerance, ...] = ()
    period_end: PeriodEnd = PeriodEnd.EXCLUSIVE
    corrections: Corrections = Corrections.PAPER


def parse_map(file: str, text: str) -> tuple[ParallelMap | None, list[Problem]]:
    """None where there are problems."""
    table, problems = parse_table(file, text)
    if table is None:
        return None, problems
    findings = Findings()
    reader = TableReader(table, findings)
    if reader.has("format") and table["format"] != MAP_FORMAT:
        reader.problem("format", f"is not {MAP_FORMAT!r}, the only one that this version reads")
    elif not reader.has("format"):
        reader.problem("format", f'is missing: write format = "{MAP_FORMAT}"')
    found = ParallelMap(
        source=reader.optional_text("source") or "",
        columns=_columns(reader),
        customers=_names(reader, "customers"),
        units=_names(reader, "units"),
        items=_items(reader),
        tolerances=tuple(_tolerance(inner) for inner in reader.tables("tolerance")),
        period_end=reader.choice("period_end", PeriodEnd, default=PeriodEnd.EXCLUSIVE),
        corrections=reader.choice("corrections", Corrections, default=Corrections.PAPER),
    )
    reader.finish()
    problems += [
        Problem(file, "", name, message, line_in_map(text, name)) for name, message in findings.items
    ]
    return (None if problems else found), problems


def _columns(reader: TableReader) -> dict[str, str]:
    found = _names(reader, "columns")
    for name in found:
        if name not in COLUMNS:
            reader.problem(f"columns.{name}", f"is no column; there are {', '.join(COLUMNS)}")
    return found


def _names(reader: TableReader, name: str) -> dict[str, str]:
    inner = reader.table(name)
    return {} if inner is None else {key: inner.text(key) for key in inner.names}


def _items(reader: TableReader) -> dict[str, ItemMap]:
    found: dict[str, ItemMap] = {}
    for inner in reader.tables("item"):
        item = ItemMap(
            name=inner.text("name"),
            prices=inner.texts("prices"),
            meters=inner.texts("meters"),
            coupon=inner.optional_text("coupon"),
            ignore=inner.optional_text("ignore"),
        )
        if sum(1 for name in WHAT if inner.has(name)) != 1:
            inner.problem("", f"needs exactly one of {', '.join(WHAT)}")
        if item.name in found:
            inner.problem("name", f"{item.name!r} is mapped twice")
        inner.finish()
        found[item.name] = item
    return found


def _tolerance(reader: TableReader) -> Tolerance:
    found = Tolerance(reader.text("name"), reader.exact("amount"), reader.texts("items"))
    if found.amount <= 0:
        reader.problem("amount", "must be above zero")
    reader.finish()
    return found


def line_in_map(text: str, name: str) -> int | None:
    """Of `item[1].name` in its table; of another member where a line begins with it."""
    listed = re.match(r"([a-z]+)\[([0-9]+)\]\.?(.*)\Z", name)
    if listed is not None:
        places = document_lines(text).get(listed.group(1), [])
        place = int(listed.group(2))
        return line_of(places[place], listed.group(3)) if place < len(places) else None
    last = name.rpartition(".")[2]
    begins = re.compile(rf"""\s*\[?["']?{re.escape(last)}["']?\s*[=\]]""")
    return next((number for number, line in enumerate(text.splitlines(), 1) if begins.match(line)), None)
