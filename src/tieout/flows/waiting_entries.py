"""What the drafts that wait would post: for a month's end that comes before their seal. Nothing of it is in
the ledger, and whoever shows it says so."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tieout.close.review import StoredDraft
from tieout.flows.home import Home
from tieout.ledger.balances import Selection
from tieout.ledger.entry import Entry
from tieout.ledger.entry_text import parse_entries
from tieout.ledger.month import booked_in


@dataclass(frozen=True, slots=True)
class WaitingDraft:
    """A draft in review with its proposed entries, each in the month where it would be booked now."""

    draft: StoredDraft
    entries: tuple[Entry, ...]


def waiting_drafts(home: Home, selection: Selection) -> tuple[WaitingDraft, ...]:
    """Those that have an entry of the selection, by customer and period; held drafts propose nothing."""
    locked = max((each.month for each in home.books.ledger.locks()), default=None)
    found = []
    for draft in home.books.drafts.proposing():
        assert draft.proposed is not None, "a draft that proposes something"
        entries = tuple(
            each
            for entry in parse_entries(draft.proposed)
            if selection.has(each := replace(entry, accounting_period=booked_in(entry.day, locked)))
        )
        if entries:
            found.append(WaitingDraft(draft, entries))
    return tuple(found)
