"""A correction reverses what stands and posts it anew (L14): what was posted for the lines that a correcting
line takes up is taken back, and stands on that line with the difference added.

So the books hold each amount once, on the latest line, and every posting that holds no more names the one
that took it back. Lines without anything that stands (sealed before there was a ledger) post the difference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tieout.invoice.invoice import Invoice
from tieout.invoice.line import Line
from tieout.kernel.ids import LineId
from tieout.kernel.instant import Instant
from tieout.ledger.account import Account
from tieout.ledger.standing import Standing

TAKES_BACK = "takes-back/"
"""Begins the id of the entry by which a paper takes back what it corrects."""

Posted = tuple[Account, int, LineId | None]
Parts = dict[Instant, list[Posted]]
TakenUp = Mapping[LineId, Sequence[Standing]]


def taken_up(invoice: Invoice, standing: Sequence[Standing]) -> TakenUp:
    """By correcting line, what stands for the lines that it takes up."""
    by_line: dict[LineId, list[Standing]] = {}
    for each in standing:
        by_line.setdefault(each.line, []).append(each)
    found = {
        line.id: [stands for each in line.earlier for stands in by_line.get(each.line, ())]
        for line in invoice.lines
        if line.correction is not None
    }
    return {line: stands for line, stands in found.items() if stands}


def counts_when(line: Line, last: Instant) -> Instant:
    """When the line counts: a correction counts for the period that it corrects."""
    return last if line.correction is None else line.correction.period.last_instant


def taken_back(invoice: Invoice, taken: TakenUp) -> dict[Instant, list[Standing]]:
    """By when it counts, what the paper takes back."""
    found: dict[Instant, list[Standing]] = {}
    for line in invoice.lines:
        if line.id in taken:
            at = counts_when(line, invoice.period.last_instant)
            found.setdefault(at, []).extend(taken[line.id])
    return found


def posted_anew(invoice: Invoice, differences: Parts, taken: TakenUp) -> Parts:
    """The differences with what stood added to them, line by line; credits above zero."""
    if not taken:
        return differences
    sums: dict[Instant, dict[tuple[LineId | None, Account], int]] = {}
    for at, parts in differences.items():
        mine = sums.setdefault(at, {})
        for account, minor, name in parts:
            mine[name, account] = mine.get((name, account), 0) + minor
    for line in invoice.lines:
        mine = sums.setdefault(counts_when(line, invoice.period.last_instant), {})
        for each in taken.get(line.id, ()):
            mine[line.id, each.account] = mine.get((line.id, each.account), 0) - each.minor
    return {
        at: [(account, minor, name) for (name, account), minor in sorted(mine.items(), key=_by_line) if minor]
        for at, mine in sums.items()
    }


def _by_line(found: tuple[tuple[LineId | None, Account], int]) -> str:
    (line, _), _ = found
    return line or ""
