"""What stands for a line of a paper: what entries posted for it, less what was taken back of it since.

An entry's postings for a line stand whole or not at all: whatever takes them back takes back all of them,
and a void of what took them back makes them stand again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tieout.kernel.ids import LineId
from tieout.ledger.account import Account
from tieout.ledger.entry import Entry


@dataclass(frozen=True, slots=True)
class Standing:
    """What of `entry` stands for the line on one account, in minor units; never zero."""

    line: LineId
    entry: str
    account: Account
    minor: int


def standing_of(entries: Iterable[Entry]) -> tuple[Standing, ...]:
    """Of every line, by line, entry and account in the order of the chart: from all entries that name it."""
    sums: dict[tuple[LineId, str, Account], int] = {}
    for entry in entries:
        for each in entry.postings:
            if each.line is not None:
                key = each.line, each.reverses or entry.reverses or entry.id, each.account
                sums[key] = sums.get(key, 0) + each.amount.minor
    return in_order(Standing(*key, minor) for key, minor in sums.items() if minor)


def in_order(found: Iterable[Standing]) -> tuple[Standing, ...]:
    chart = list(Account)
    return tuple(sorted(found, key=lambda each: (each.line, each.entry, chart.index(each.account))))
