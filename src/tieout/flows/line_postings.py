"""What the ledger holds for a line, and for the lines of sealed papers that it corrects or takes off: so an
adjustment leads to the entries that stand, and to what was posted of it before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tieout.evidence.stored import StoredEvidence
from tieout.flows.home import Home
from tieout.invoice.earlier import Correction, EarlierLine, parse_correction, parse_earlier
from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.ids import CustomerId, LineId
from tieout.kernel.instant import Instant
from tieout.kernel.money import Money, currency
from tieout.ledger.account import Account


@dataclass(frozen=True, slots=True)
class LinePosting:
    """A posting for one line; `reverses`: the entry whose posting for the line it takes back."""

    line: LineId
    entry: str
    account: Account
    amount: Money
    effective_at: Instant
    accounting_period: str | None
    reverses: str | None


@dataclass(frozen=True, slots=True)
class Bearings:
    """Where an adjustment stands: what it corrects, what earlier papers settled, and all that was posted for
    those lines and for its own."""

    correction: Correction | None
    earlier: tuple[EarlierLine, ...]
    postings: tuple[LinePosting, ...]


NOWHERE = Bearings(None, (), ())


def bearings(home: Home, stored: StoredEvidence) -> Bearings:
    """Nothing where what is stored cannot be read any more: the reproduction and `verify` name that."""
    line = stored.line
    try:
        correction = parse_correction(line.correction)
        earlier = parse_earlier(line.earlier, currency(stored.invoice.currency))
        lines = [each.line for each in earlier]
        if correction is not None and correction.original is not None:
            lines.insert(0, correction.original)
        ours = list(dict.fromkeys([*lines, line.id]))
        return Bearings(correction, earlier, _postings(home, stored.invoice.customer, ours))
    except (ValueError, KeyError, TypeError, IntegrityViolation):
        return NOWHERE


def _postings(home: Home, customer: CustomerId, lines: Sequence[LineId]) -> tuple[LinePosting, ...]:
    """Line by line, in the order of the papers; of each, what was posted before what took it back."""
    found = [
        LinePosting(
            posting.line,
            entry.id,
            posting.account,
            posting.amount,
            entry.effective_at,
            entry.accounting_period,
            posting.reverses or entry.reverses,
        )
        for entry in home.books.ledger.of_lines(customer, lines)
        for posting in entry.postings
        if posting.line is not None and posting.line in lines
    ]
    return tuple(sorted(found, key=lambda each: _order(lines, each)))


def _order(lines: Sequence[LineId], each: LinePosting) -> tuple[int, Instant, bool, str]:
    return lines.index(each.line), each.effective_at, each.reverses is not None, each.entry
