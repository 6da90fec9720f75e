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
from tieout.kernel.ids import InvoiceId, LineId
from tieout.kernel.instant import Instant
from tieout.kernel.money import Money, currency
from tieout.ledger.account import Account
from tieout.ledger.balances import Selection


@dataclass(frozen=True, slots=True)
class LinePosting:
    """A posting for one line; `reverses`: the entry that its entry takes back."""

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
        return Bearings(correction, earlier, _postings(home, list(dict.fromkeys([*lines, line.id]))))
    except (ValueError, KeyError, TypeError, IntegrityViolation):
        return NOWHERE


def _postings(home: Home, lines: Sequence[LineId]) -> tuple[LinePosting, ...]:
    """Line by line, in the order of the papers."""
    invoices = dict.fromkeys(InvoiceId(line.rpartition("-")[0]) for line in lines)
    found = [
        LinePosting(
            posting.line,
            entry.id,
            posting.account,
            posting.amount,
            entry.effective_at,
            entry.accounting_period,
            entry.reverses,
        )
        for invoice in invoices
        for entry in home.books.ledger.entries(Selection(invoice=invoice))
        for posting in entry.postings
        if posting.line is not None and posting.line in lines
    ]
    return tuple(sorted(found, key=lambda each: (lines.index(each.line), each.effective_at, each.entry)))
