"""A reversal: the same postings with the signs turned around. The entry that it takes back stays as it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from tieout.kernel.ids import InvoiceId
from tieout.kernel.instant import Instant
from tieout.ledger.entry import Entry, EntryKind

REVERSAL = "reversal/"


def reversed_entry(
    entry: Entry,
    *,
    reason: str,
    effective_at: Instant | None = None,
    effective_on: date | None = None,
    invoice: InvoiceId | None = None,
    person: str | None = None,
) -> Entry:
    """Takes effect when `entry` did, unless another instant and its date are given. `invoice`: the paper it
    is for, the entry's own if not given. An entry can be reversed once: the id follows from it."""
    return Entry(
        id=f"{REVERSAL}{entry.id}",
        kind=EntryKind.REVERSAL,
        customer=entry.customer,
        effective_at=entry.effective_at if effective_at is None else effective_at,
        postings=tuple(replace(each, amount=-each.amount) for each in entry.postings),
        reason=reason,
        invoice=entry.invoice if invoice is None else invoice,
        reverses=entry.id,
        person=person,
        effective_on=entry.effective_on if effective_at is None else effective_on,
    )
