"""Writes the ledger for another program, or invoice lines as FOCUS columns, into one file.

The same ledger under the same catalog gives the same bytes: nothing of the moment of writing is in them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from itertools import chain
from pathlib import Path

from tieout.evidence.stored import StoredInvoice
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.home import Home
from tieout.flows.invoices import show_invoice
from tieout.flows.ledger import selected
from tieout.flows.waiting_entries import waiting_drafts
from tieout.invoice.focus import COLUMNS, TEXTS, focus_rows
from tieout.kernel.calendar import local_date
from tieout.kernel.errors import Refusal, shown
from tieout.kernel.instant import parse_instant
from tieout.kernel.zone import zone
from tieout.ledger.account import Account
from tieout.ledger.balances import Selection, balances_of
from tieout.ledger.entry import Entry
from tieout.ledger.export.beancount import beancount_file
from tieout.ledger.export.cells import row, safe
from tieout.ledger.export.hledger import hledger_journal
from tieout.ledger.export.naming import Named
from tieout.ledger.export.tables import datev_csv, journal_csv, quickbooks_csv, xero_csv
from tieout.ledger.month import month_of

FOCUS = "focus"
TABLES = {
    "csv": journal_csv,
    "csv-quickbooks": quickbooks_csv,
    "csv-xero": xero_csv,
    "csv-datev-like": datev_csv,
}
FORMATS = ("hledger", "beancount", *TABLES, FOCUS)


class UnknownFormat(Refusal):
    """There is no such export."""

    code = "unknown-format"

    def __init__(self, name: str) -> None:
        super().__init__(f"--format {shown(name)} is not one of {', '.join(FORMATS)}.")


class NothingProposed(Refusal):
    """FOCUS has no entries."""

    code = "nothing-proposed"

    def __init__(self) -> None:
        super().__init__(
            "--with-proposed does not go with --format focus, whose rows are lines of sealed invoices; "
            "`tieout draft show` prints the lines of a draft."
        )


@dataclass(frozen=True, slots=True)
class Exported:
    """How much was written: journal entries, or rows of FOCUS. `proposed`: how many of them are not
    posted."""

    format: str
    records: int
    what: str
    sha256: str
    proposed: int = 0


@dataclass(slots=True)
class _Count:
    records: int = 0
    proposed: int = 0


def export_ledger(
    home: Home,
    name: str,
    out: Path,
    *,
    since: str | None,
    until: str | None,
    with_proposed: bool = False,
) -> Exported:
    """Entries booked, or invoices issued, in the months from `since` to `until`; after them, if asked for,
    what drafts that wait would post there, marked as such. The file is there whole or not at all. Raises
    `UnknownFormat`, `NothingProposed`, `MalformedMonth` or `InvoiceDamaged`."""
    if name not in FORMATS:
        raise UnknownFormat(name)
    if with_proposed and name == FOCUS:
        raise NothingProposed
    selection = selected(home, since=since, until=until)
    count = _Count()
    if name == FOCUS:
        lines, what = _focus(home, selection, count), "rows"
    else:
        lines, what = _journal(home, name, selection, count, with_proposed=with_proposed), "entries"
    digest = _write(out, lines)
    return Exported(name, count.records, what, digest, count.proposed)


def journal_lines(home: Home) -> Iterator[str]:
    """The whole posted journal as the CSV that `csv` writes, line by line."""
    return _journal(home, "csv", Selection(), _Count(), with_proposed=False)


def _journal(
    home: Home, name: str, selection: Selection, count: _Count, *, with_proposed: bool
) -> Iterator[str]:
    waiting = waiting_drafts(home, selection) if with_proposed else ()
    proposed = [entry for each in waiting for entry in each.entries]
    named = _named(home, selection, count, proposed)
    if name in TABLES:
        return TABLES[name](named)
    balances = (*home.books.ledger.balances(selection), *balances_of(proposed))
    opened: list[tuple[Account, str]] = list(
        dict.fromkeys((each.account, each.customer) for each in balances)
    )
    if name == "beancount":
        return beancount_file(named, opened)
    units = {each.currency.code: each.currency for each in balances}
    return hledger_journal(named, [units[code] for code in sorted(units)], opened)


def _named(home: Home, selection: Selection, count: _Count, proposed: Sequence[Entry]) -> Iterator[Named]:
    """The posted ones, then those that are proposed: these are of drafts, which have no number."""
    customers = load_catalog(home).customers
    numbers = {each.id: each.number for each in home.books.invoices.sealed()}
    names: dict[str, str] = {}
    for entry in chain(home.books.ledger.entries(selection), proposed):
        if entry.customer not in names:
            profile = customers.latest(entry.customer)
            names[entry.customer] = entry.customer if profile is None else profile.name
        count.records += 1
        number = "" if entry.invoice is None else numbers.get(entry.invoice, "")
        is_proposed = entry.booked_at is None
        count.proposed += is_proposed
        yield Named(entry, names[entry.customer], number, is_proposed)


def _focus(home: Home, selection: Selection, count: _Count) -> Iterator[str]:
    """Of papers that hold: a voided one is billed again by the one that replaces it."""
    yield row(COLUMNS)
    voided = {each.invoice.id for each in home.books.corrections.voids()}
    for listed in home.books.invoices.sealed():
        if listed.id in voided or not _may_be_within(listed, selection):
            continue
        document = show_invoice(home, listed.id).document
        if not _is_issued_within(document, selection):
            continue
        for found in focus_rows(document):
            count.records += 1
            yield row([safe(found[name]) if name in TEXTS else found[name] for name in COLUMNS])


def _may_be_within(invoice: StoredInvoice, selection: Selection) -> bool:
    """Whether it is issued within the selection in some zone: where not, its document is not read."""
    day = local_date(invoice.sealed_at, zone("UTC"))
    first, last = (month_of(day + timedelta(days=off)) for off in (-1, 1))
    return (selection.since is None or selection.since <= last) and (
        selection.until is None or first <= selection.until
    )


def _is_issued_within(document: bytes, selection: Selection) -> bool:
    """By the date of issue, in the zone that the paper names."""
    said = json.loads(document)
    place = zone(said["period"].get("zone", "UTC"))
    month = month_of(local_date(parse_instant(said["issued_at"]), place))
    return (selection.since is None or selection.since <= month) and (
        selection.until is None or month <= selection.until
    )


def _write(out: Path, lines: Iterable[str]) -> str:
    digest = sha256()
    draft = out.with_name(f".{out.name}.draft")
    try:
        with draft.open("wb") as file:
            for line in lines:
                encoded = line.encode()
                digest.update(encoded)
                file.write(encoded)
        os.replace(draft, out)
    finally:
        draft.unlink(missing_ok=True)
    return digest.hexdigest()
