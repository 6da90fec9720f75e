"""Verify the ledger: every entry balances and stands on its own, and each sealed invoice has the entries that
its document calls for.

What an invoice must come to is taken from the printed document: none of the code that proposes entries is
used.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from tieout.flows.home import Home
from tieout.flows.verify_reversals import reversal_findings
from tieout.kernel.errors import TieoutError
from tieout.kernel.ids import InvoiceId
from tieout.kernel.money import FinerThanMinor, Money, currency
from tieout.ledger.account import Account
from tieout.ledger.entry import Entry, EntryKind
from tieout.ledger.month import month_of
from tieout.ports import LogFinding

OF_THE_SEAL = ("takes-back/", "accrual/", "earned/", "invoice/", "credits/")
"""Ids of the entries that a seal posts for its invoice; what comes later (payments, credit notes against it,
reversals) has other ids."""

Sums = Counter[str]


def ledger_findings(home: Home) -> Iterator[LogFinding]:
    """Entries that were changed, and invoices whose entries are missing or are not what they print."""
    sums: dict[InvoiceId, Sums] = {}
    try:
        yield from reversal_findings(home)
        for entry in home.books.ledger.entries():
            yield from _of_entry(entry)
            if entry.invoice is not None and entry.id.startswith(OF_THE_SEAL):
                found = sums.setdefault(entry.invoice, Counter())
                for posting in entry.postings:
                    found[posting.account.value] += posting.amount.minor
    except (TieoutError, ValueError) as error:
        yield LogFinding("ledger", "entries", f"cannot be read: {error}")
        return
    before = home.books.ledger.before_ledger()
    for listed in home.books.invoices.sealed():
        whole = home.books.invoices.find(listed.id)
        posted = sums.pop(listed.id, Counter())
        if whole is None or listed.id in before:
            continue
        try:
            yield from _of_invoice(listed.number, json.loads(whole.document), posted)
        except FinerThanMinor as error:
            yield LogFinding("ledger", listed.number, f"what its document prints is no money: {error}")
        except (ValueError, KeyError, TypeError, TieoutError):
            continue  # what cannot be read is found by the check of the document
    for invoice in sorted(sums):
        yield LogFinding("ledger", invoice, "entries are posted for an invoice that is not here")


def _of_entry(entry: Entry) -> Iterator[LogFinding]:
    """That it balances was checked when it was read; a month is never before its effect."""
    if len(entry.postings) < 2:
        yield LogFinding("ledger", entry.id, f"has {len(entry.postings)} postings")
    if entry.accounting_period is not None and entry.accounting_period < month_of(entry.day):
        detail = f"is booked in {entry.accounting_period}, before its effect on {entry.day.isoformat()}"
        yield LogFinding("ledger", entry.id, detail)
    if entry.kind is EntryKind.REVERSAL and not entry.takes_back:
        yield LogFinding("ledger", entry.id, "is a reversal of nothing")


def _of_invoice(number: str, document: dict[str, Any], posted: Sums) -> Iterator[LogFinding]:
    unit = currency(document["currency"])

    def minor(text: str) -> int:
        return Money.read(text, unit).minor

    total = minor(document["total"])
    credits_ = sum(minor(each["amount"]) for each in document.get("credits", ()))
    taxes = sum(minor(each["amount"]) for each in document.get("taxes", ()))
    expected = {
        Account.RECEIVABLE: max(total, 0) - credits_,
        Account.CUSTOMER_BALANCE: min(total, 0),
        Account.TAX_PAYABLE: -taxes,
        Account.UNBILLED_RECEIVABLE: 0,
    }
    for account, wanted in expected.items():
        if posted[account.value] != wanted:
            detail = (
                f"{account.value}: {wanted} minor units by the document, {posted[account.value]} are posted"
            )
            yield LogFinding("ledger", number, detail)
    earned = (Account.REVENUE, Account.DEFERRED_REVENUE, Account.BREAKAGE)
    found = -sum(posted[account.value] for account in earned)
    if found != total - taxes:
        detail = f"revenue, deferred revenue and breakage: {total - taxes} minor units, {found} are posted"
        yield LogFinding("ledger", number, detail)
    paid = posted[Account.PAID_CREDITS.value] + posted[Account.PROMOTIONAL_CREDITS.value]
    if paid != credits_:
        yield LogFinding("ledger", number, f"credits: {credits_} minor units, {paid} are posted")
