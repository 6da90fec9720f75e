"""Proposed entries as a text that is kept with a draft, and back: canonical JSON, money in minor units."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date

from tieout.kernel.canonical import JsonNumber, JsonValue, canonical_json
from tieout.kernel.ids import CustomerId, InvoiceId, LineId
from tieout.kernel.instant import format_instant, parse_instant
from tieout.kernel.money import Money, currency
from tieout.ledger.account import Account
from tieout.ledger.entry import Entry, EntryKind, Posting


def entries_text(entries: Sequence[Entry]) -> str:
    """Of entries that are not posted yet: they are in no accounting period."""
    return canonical_json([_entry_json(each) for each in entries])


def parse_entries(text: str) -> tuple[Entry, ...]:
    """Raises `ValueError`, `KeyError`, `TypeError` or `Unbalanced` where the text is not ours any more."""
    return tuple(
        Entry(
            id=said["id"],
            kind=EntryKind(said["kind"]),
            customer=CustomerId(said["customer"]),
            effective_at=parse_instant(said["effective_at"]),
            postings=tuple(
                Posting(
                    Account(each["account"]),
                    Money(int(each["minor"]), currency(each["currency"])),
                    None if each["line"] is None else LineId(each["line"]),
                    each.get("reverses"),
                )
                for each in said["postings"]
            ),
            reason=said["reason"],
            invoice=None if said["invoice"] is None else InvoiceId(said["invoice"]),
            person=said["person"],
            effective_on=date.fromisoformat(said["effective_on"]),
        )
        for said in json.loads(text)
    )


def _entry_json(entry: Entry) -> JsonValue:
    return {
        "id": entry.id,
        "kind": entry.kind.value,
        "customer": entry.customer,
        "invoice": entry.invoice,
        "effective_at": format_instant(entry.effective_at),
        "effective_on": entry.day.isoformat(),
        "reason": entry.reason,
        "person": entry.person,
        "postings": [_posting_json(each) for each in entry.postings],
    }


def _posting_json(posting: Posting) -> JsonValue:
    said: dict[str, JsonValue] = {
        "account": posting.account.value,
        "currency": posting.amount.currency.code,
        "minor": JsonNumber(str(posting.amount.minor)),
        "line": posting.line,
    }
    return said if posting.reverses is None else {**said, "reverses": posting.reverses}
