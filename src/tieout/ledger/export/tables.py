"""The journal as CSV: in full, and in the layouts that accounting packages import.

- QuickBooks Online, "Import journal entries" (quickbooks.intuit.com, help article L4tQBwbs7): Journal No.,
  Journal Date, Account Name, Description, Debits, Credits, with Name and Currency; rows of one number are one
  entry. A number has at most 21 characters there, so it is made of a digest of the entry's id.
- Xero, "Enter multiple manual journals using an import template" (help.xero.com, ManualJournalsImport):
  Narration, Date (dd/mm/yyyy), Description, AccountCode, TaxRate, Amount with credits below zero; rows of one
  narration and date are one journal. A file there has at most 300 lines; months keep it small.
- DATEV's Buchungsstapel (developer.datev.de, "Buchungsstapel"), its first columns by their names, for an
  ASCII import with a format of one's own: amounts with a comma, each row an account and its contra account.
  The header line of EXTF, with the numbers of consultant and client, is left out: they are not known here.

Account names are those of the chart; each package has a table that maps them to its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from hashlib import sha256

from tieout.kernel.instant import format_instant
from tieout.kernel.money import Money
from tieout.ledger.entry import Entry, Posting
from tieout.ledger.export.cells import row, safe
from tieout.ledger.export.naming import Named

JOURNAL = (
    *("entry", "kind", "booked_on", "accounting_period", "effective_on", "effective_at", "booked_at"),
    *("customer", "customer_name", "invoice", "number", "account", "debit", "credit", "currency"),
    *("line", "reason", "by", "reverses"),
)
QUICKBOOKS = (
    *("Journal No", "Journal Date", "Account Name", "Debits", "Credits"),
    *("Description", "Name", "Currency"),
)
XERO = ("*Narration", "*Date", "Description", "*AccountCode", "*TaxRate", "*Amount")
XERO_TAX_RATE = "Tax Exempt"
"""Taxes are postings of their own here, so no line bears one."""
DATEV = (
    *("Umsatz (ohne Soll/Haben-Kz)", "Soll/Haben-Kennzeichen", "WKZ Umsatz", "Konto"),
    *("Gegenkonto (ohne BU-Schlüssel)", "Belegdatum", "Belegfeld 1", "Buchungstext"),
)
DATEV_TEXT_MAX = 60
NUMBER_HEX = 16


def journal_csv(entries: Iterable[Named]) -> Iterator[str]:
    """Every posting with all that its entry says. A proposed one is booked at no instant yet, and its reason
    says what it is."""
    yield row(JOURNAL)
    for each in entries:
        entry = each.entry
        assert entry.accounting_period is not None, "posted, or laid to the month where it would be"
        booked_at = "" if entry.booked_at is None else format_instant(entry.booked_at)
        for posting in entry.postings:
            yield row(
                [
                    *(safe(entry.id), entry.kind.value, entry.booked_on.isoformat()),
                    *(entry.accounting_period, entry.day.isoformat()),
                    *(format_instant(entry.effective_at), booked_at),
                    *(safe(entry.customer), safe(each.customer_name)),
                    *(safe(entry.invoice or ""), safe(each.number), posting.account.value),
                    *_sides(posting.amount),
                    *(posting.amount.currency.code, safe(posting.line or "")),
                    *(safe(each.marked(entry.reason)), safe(entry.person or "")),
                    safe(posting.reverses or entry.reverses or ""),
                ]
            )


def quickbooks_csv(entries: Iterable[Named]) -> Iterator[str]:
    yield row(QUICKBOOKS)
    for each in entries:
        for posting in each.entry.postings:
            yield row(
                [
                    *(_number(each.entry), _date(each.entry.booked_on, "{month}/{day}/{year}")),
                    *(posting.account.value, *_sides(posting.amount)),
                    *(safe(_described(each, posting)), safe(each.customer_name)),
                    posting.amount.currency.code,
                ]
            )


def xero_csv(entries: Iterable[Named]) -> Iterator[str]:
    yield row(XERO)
    for each in entries:
        for posting in each.entry.postings:
            yield row(
                [
                    safe(each.marked(f"{each.entry.id} {posting.amount.currency.code}")),
                    _date(each.entry.booked_on, "{day}/{month}/{year}"),
                    safe(f"{each.customer_name}: {_described(each, posting)}"),
                    *(posting.account.value, XERO_TAX_RATE, posting.amount.decimal_text),
                ]
            )


def datev_csv(entries: Iterable[Named]) -> Iterator[str]:
    yield row(DATEV, ";")
    for each in entries:
        for debit, credit, amount in pairs(each.entry):
            yield row(
                [
                    *(amount.decimal_text.replace(".", ","), "S", amount.currency.code, debit, credit),
                    *(_date(each.entry.booked_on, "{day}.{month}.{year}"), _number(each.entry)),
                    safe(each.marked(f"{each.customer_name} {each.narration}")[:DATEV_TEXT_MAX]),
                ],
                ";",
            )


def pairs(entry: Entry) -> Iterator[tuple[str, str, Money]]:
    """An entry as amounts from one credited account to one debited account each: in the order of the
    postings, as much as both still have."""
    units = dict.fromkeys(each.amount.currency for each in entry.postings)
    for unit in units:
        ours = [each for each in entry.postings if each.amount.currency == unit]
        debits = [(each.account.value, each.amount.minor) for each in ours if each.amount.minor > 0]
        credits_ = [(each.account.value, -each.amount.minor) for each in ours if each.amount.minor < 0]
        while debits and credits_:
            (debited, owed), (credited, given) = debits.pop(0), credits_.pop(0)
            part = min(owed, given)
            yield debited, credited, Money(part, unit)
            if owed > part:
                debits.insert(0, (debited, owed - part))
            if given > part:
                credits_.insert(0, (credited, given - part))


def _described(each: Named, posting: Posting) -> str:
    return f"{each.narration}, line {posting.line}" if posting.line else each.narration


def _number(entry: Entry) -> str:
    return f"J{sha256(entry.id.encode()).hexdigest()[:NUMBER_HEX]}"


def _sides(amount: Money) -> tuple[str, str]:
    """Debit and credit; one of them is empty."""
    return (amount.decimal_text, "") if amount.minor >= 0 else ("", (-amount).decimal_text)


def _date(day: date, form: str) -> str:
    return form.format(day=f"{day.day:02d}", month=f"{day.month:02d}", year=f"{day.year:04d}")
