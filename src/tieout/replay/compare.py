"""What was expected beside what was found: every difference, with its first cause.

Found lines are added up over the columns that a file of expectations has. A line that no file has a row for
is a difference too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tieout.kernel.rational import Exact
from tieout.replay.cause import Cause, CauseKind, Known, cause_of, counted
from tieout.replay.face import What
from tieout.replay.found import FoundLine, FoundTotal
from tieout.replay.stated import Key, Stated, StatedRow

WHOLE: Final = "line"
"""The value that differs where a line, or paper, is there on one side only."""


@dataclass(frozen=True, slots=True)
class Difference:
    """`file` and `line` are where it is stated; no line where nothing is. None: not there on that side."""

    what: What
    file: str
    line: int | None
    key: Key
    value: str
    expected: Exact | None
    found: Exact | None
    cause: Cause


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run found: the lines and totals of all papers that stand, and how its items were judged."""

    lines: tuple[FoundLine, ...]
    totals: tuple[FoundTotal, ...]
    counts: Mapping[str, int]


def compare(stated: Sequence[tuple[str, Stated]], outcome: Outcome, known: Known) -> list[Difference]:
    """By file and row; then what is found and nowhere stated, of each kind that anything is stated of."""
    found: list[Difference] = []
    for file, each in stated:
        if each.what is What.LINES:
            found += _lines(file, each, outcome.lines, known)
    lines_differ = {_paper(dict(each.key)) for each in found}
    for file, each in stated:
        if each.what is What.TOTALS:
            found += _totals(file, each, outcome.totals, lines_differ)
        elif each.what is What.COUNTS:
            found += _counts(file, each, outcome.counts, known)
    found += _unexpected(stated, outcome, known)
    return found


def _lines(file: str, stated: Stated, lines: Sequence[FoundLine], known: Known) -> list[Difference]:
    now = _by_key(stated.columns, lines)
    then = None if known.recorded is None else _by_key(stated.columns, known.recorded)
    differences = []
    for row in stated.rows:
        mine = now.get(row.key, [])
        before = None if then is None else then.get(row.key, [])
        values = _values(stated.columns, mine)
        differing = [name for name, value in row.values.items() if values.get(name, value) != value]
        if mine and not differing:
            continue
        cause = cause_of(dict(row.key), mine, before, row.values, known)
        if not mine:
            expected = row.values.get("amount", next(iter(row.values.values())))
            differences.append(Difference(What.LINES, file, row.line, row.key, WHOLE, expected, None, cause))
        differences += [
            Difference(What.LINES, file, row.line, row.key, name, row.values[name], values[name], cause)
            for name in (differing if mine else ())
        ]
    return differences


def _values(columns: Sequence[str], lines: Sequence[FoundLine]) -> dict[str, Exact]:
    """What lines come to together. Of one group of a snapshot nobody knows how many events it has."""
    values = {
        "quantity": sum((line.quantity for line in lines), start=Exact(0)),
        "amount": sum((line.amount for line in lines), start=Exact(0)),
    }
    grouped = "group" in columns and any(line.keys["group"] for line in lines)
    return values if grouped else {**values, "events": Exact(counted(lines))}


def _totals(
    file: str, stated: Stated, totals: Sequence[FoundTotal], lines_differ: set[tuple[str, str]]
) -> list[Difference]:
    differences = []
    papers: dict[Key, list[FoundTotal]] = {}
    for each in totals:
        papers.setdefault(_key(stated.columns, each.keys), []).append(each)
    for row in stated.rows:
        mine = papers.get(row.key, [])
        if not mine:
            expected = next(iter(row.values.values()))
            cause = Cause(CauseKind.ACCOUNT, "no such paper is sealed")
            differences.append(Difference(What.TOTALS, file, row.line, row.key, WHOLE, expected, None, cause))
        values = {name: sum((each.values[name] for each in mine), start=Exact(0)) for name in row.values}
        if not mine or values == row.values:
            continue
        cause = _total_cause(row, values, _paper(dict(row.key)) in lines_differ)
        differences += [
            Difference(What.TOTALS, file, row.line, row.key, name, row.values[name], values[name], cause)
            for name in row.values
            if values[name] != row.values[name]
        ]
    return differences


def _total_cause(row: StatedRow, values: Mapping[str, Exact], lines_differ: bool) -> Cause:
    if lines_differ or values.get("subtotal") != row.values.get("subtotal"):
        return Cause(CauseKind.LINES, "lines of the paper differ")
    for kind, name in ((CauseKind.DISCOUNT, "discounts"), (CauseKind.TAX, "taxes")):
        if values.get(name) != row.values.get(name):
            return Cause(kind, f"the {name} differ")
    if "total" in row.values and values["total"] == row.values["total"]:
        return Cause(CauseKind.CREDIT, "the total ties; credits, or what was settled before, differ")
    return Cause(CauseKind.UNKNOWN, "lines, discounts or taxes; what is stated does not tell which")


def _counts(file: str, stated: Stated, counts: Mapping[str, int], known: Known) -> list[Difference]:
    (row,) = stated.rows
    why = next(iter((*known.refused, *known.misjudged)), "the items were judged otherwise than expected")
    return [
        Difference(
            What.COUNTS,
            file,
            row.line,
            row.key,
            name,
            value,
            Exact(counts[name]),
            Cause(CauseKind.EVENTS, why),
        )
        for name, value in row.values.items()
        if value != counts[name]
    ]


def _unexpected(stated: Sequence[tuple[str, Stated]], outcome: Outcome, known: Known) -> list[Difference]:
    differences = []
    for what, kept in ((What.LINES, outcome.lines), (What.TOTALS, outcome.totals)):
        files = [(file, each) for file, each in stated if each.what is what]
        covered = [(each.columns, {row.key for row in each.rows}) for _, each in files]
        if not files:
            continue
        columns = files[0][1].columns
        groups: dict[Key, list[FoundLine | FoundTotal]] = {}
        for each in kept:
            if not any(_key(names, each.keys) in keys for names, keys in covered):
                groups.setdefault(_key(columns, each.keys), []).append(each)
        for key, group in groups.items():
            lines = [each for each in group if isinstance(each, FoundLine)]
            amount = sum((_amount(each) for each in group), start=Exact(0))
            then = None if known.recorded is None else _by_key(columns, known.recorded).get(key, [])
            cause = (
                cause_of(dict(key), lines, then, {}, known)
                if lines
                else Cause(CauseKind.EXPECTATION, "nobody expects this paper")
            )
            differences.append(Difference(what, files[0][0], None, key, WHOLE, None, amount, cause))
    return differences


def without_amount(stated: Sequence[Stated], lines: Sequence[FoundLine]) -> int:
    """Lines of which none of these states what they come to: another amount would be no difference."""
    priced = [
        (each.columns, {row.key for row in each.rows if "amount" in row.values})
        for each in stated
        if each.what is What.LINES
    ]
    return sum(not any(_key(names, line.keys) in keys for names, keys in priced) for line in lines)


def is_copy(stated: Stated, written: Stated) -> bool:
    """Whether it has the same columns, rows and values, in any order."""
    return (sorted(stated.columns), _rows(stated)) == (sorted(written.columns), _rows(written))


def _rows(stated: Stated) -> dict[Key, Mapping[str, Exact]]:
    return {tuple(sorted(row.key)): row.values for row in stated.rows}


def _amount(each: FoundLine | FoundTotal) -> Exact:
    return each.amount if isinstance(each, FoundLine) else each.values["total"]


def _by_key(columns: Sequence[str], lines: Sequence[FoundLine]) -> dict[Key, list[FoundLine]]:
    grouped: dict[Key, list[FoundLine]] = {}
    for line in lines:
        grouped.setdefault(_key(columns, line.keys), []).append(line)
    return grouped


def _key(columns: Sequence[str], keys: Mapping[str, str]) -> Key:
    return tuple((name, keys[name]) for name in columns)


def _paper(key: Mapping[str, str]) -> tuple[str, str]:
    return key.get("customer", ""), key.get("period_start", "")
