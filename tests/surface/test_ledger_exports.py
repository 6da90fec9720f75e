"""Exports are accepted by the real hledger and beancount, and their balances are those of the invoices; a
name is never a formula, a comment or an account."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from beancount import loader
from beancount.core.data import Transaction

from tests.ledgers import HOSTILE, make_ledger_home
from tests.naive_ledger import naive_balances
from tieout.flows.export_ledger import FORMATS, UnknownFormat, export_ledger
from tieout.flows.invoices import list_invoices, show_invoice
from tieout.invoice.focus import COLUMNS
from tieout.kernel.errors import Refusal
from tieout.kernel.ids import CustomerId, InvoiceId, LineId
from tieout.kernel.instant import Instant
from tieout.kernel.money import Money, currency
from tieout.ledger.account import Account
from tieout.ledger.entry import Entry, EntryKind, Posting
from tieout.ledger.export.beancount import beancount_file
from tieout.ledger.export.hledger import hledger_journal
from tieout.ledger.export.naming import Named
from tieout.ledger.export.tables import journal_csv, pairs, quickbooks_csv, xero_csv
from tieout.wiring import Home

SOLD = {"bought": ("ink", "20.00", "USD"), "yen": ("yen:co/1", "900", "JPY")}
HLEDGER = shutil.which("hledger") or "hledger"  # its absence is a failure: make installs it
CHECKS = ("check", "accounts", "commodities")

EVIL = [
    "line\nend",
    "a\r\n2026-01-01 * evil\n    assets:x  1 USD\n    assets:y",
    "; comment",
    "a | b ; c",
    "= 2026-01-01",
    "(code) name",
    "! pending",
    '"; DROP TABLE posting; --',
    '\\"\\\\"\\',
    "\u202egnp.exe \u200f \u2028 \x00\x07\x1b[31m",
    "\U0001f9fe\U0001f468\u200d\U0001f469\u200d\U0001f467 emoji",
    "  two  blanks\ttab ",
    "=cmd|'/c calc'!A1",
    "\uff1d1+1",
    " -1+2",
    "@x",
    "#tag ^link {1 USD} @ 2 EUR ~ %",
    "",
    "x" * 5000,
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    made, _ = make_ledger_home(tmp_path_factory.mktemp("exports") / "home")
    with made:
        yield made


def exported(home: Home, name: str, folder: Path, **months: str) -> Path:
    out = folder / f"ledger.{name}"
    export_ledger(home, name, out, since=months.get("since"), until=months.get("until"))
    return out


def hledger(file: Path, *arguments: str) -> str:
    ran = subprocess.run(
        [HLEDGER, "-f", str(file), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"LANG": "C.UTF-8"},
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def documents(home: Home) -> list[dict[str, Any]]:
    return [json.loads(show_invoice(home, row.id).document) for row in list_invoices(home)]


def of_documents(home: Home) -> dict[tuple[str, str, str], Fraction]:
    """Receivable, taxes and money received, by customer and currency, from printed documents alone."""
    told = naive_balances(documents(home), SOLD)
    return {
        key: amount for key, amount in told.items() if key[0] in ("receivable", "tax-payable", "clearing")
    }


def test_hledger_accepts_the_journal_and_its_balances_are_those_of_the_invoices(
    home: Home, tmp_path: Path
) -> None:
    file = exported(home, "hledger", tmp_path)
    hledger(file, *CHECKS)
    rows = list(
        csv.reader(io.StringIO(hledger(file, "balance", "-O", "csv", "--flat", "-N", "--layout=bare")))
    )
    found = {}
    for account, code, amount in rows[1:]:
        _, name, customer = account.split(":", 2)
        if name in ("receivable", "tax-payable", "clearing") and Fraction(amount):
            found[name, customer.replace("%3a", ":"), code] = Fraction(amount)
    assert found == of_documents(home)


def test_beancount_accepts_the_file_and_its_balances_are_those_of_the_invoices(
    home: Home, tmp_path: Path
) -> None:
    file = exported(home, "beancount", tmp_path)
    ran = subprocess.run(
        [str(Path(sys.executable).with_name("bean-check")), str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    found: dict[tuple[str, str, str], Fraction] = defaultdict(Fraction)
    names = {"Receivable": "receivable", "Tax-Payable": "tax-payable", "Clearing": "clearing"}
    customers = {"C-ink": "ink", "C-yen-3a-co-2f-1": "yen:co/1", "C-dinar-2d-bh": "dinar-bh"}
    entries, errors, _ = loader.load_file(str(file))
    assert errors == []
    for entry in entries:
        if isinstance(entry, Transaction):
            assert entry.payee.replace("\\u005c", "\\").replace("\\u200f", "\u200f") in HOSTILE.values()
            for posting in entry.postings:
                _, name, customer = posting.account.split(":")
                if name in names:
                    units = posting.units
                    key = (names[name], customers[customer], units.currency)
                    found[key] += Fraction(units.number)
    assert {key: amount for key, amount in found.items() if amount} == of_documents(home)


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_ledger_gives_the_same_bytes(home: Home, tmp_path: Path, name: str) -> None:
    first = exported(home, name, tmp_path).read_bytes()
    assert exported(home, name, tmp_path).read_bytes() == first
    assert sorted(each.name for each in tmp_path.iterdir()) == [f"ledger.{name}"]


@pytest.mark.parametrize("name", [each for each in FORMATS if each != "focus"])
def test_months_together_are_the_whole(home: Home, tmp_path: Path, name: str) -> None:
    whole = export_ledger(home, name, tmp_path / "whole", since=None, until=None)
    parts = [
        export_ledger(home, name, tmp_path / "part", since=since, until=until)
        for since, until in ((None, "2026-01"), ("2026-02", "2026-02"), ("2026-03", None))
    ]
    assert sum(each.records for each in parts) == whole.records
    assert all(each.records for each in parts)


def test_no_cell_of_a_table_is_a_formula(home: Home, tmp_path: Path) -> None:
    for name in ("csv", "csv-quickbooks", "csv-xero", "csv-datev-like", "focus"):
        separator = ";" if name == "csv-datev-like" else ","
        text = exported(home, name, tmp_path).read_text()
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
        assert len({len(row) for row in rows}) == 1, name
        assert any("'=HYPERLINK" in cell for row in rows for cell in row), name
        for row in rows:
            for cell in row:
                amount = cell.removeprefix("-").replace(".", "").replace(",", "").isdecimal()
                assert amount or cell[:1] not in ("=", "+", "-", "@"), (name, cell)


def test_every_table_has_every_amount(home: Home, tmp_path: Path) -> None:
    postings = [each for entry in home.books.ledger.entries() for each in entry.postings]
    debits: dict[str, Fraction] = defaultdict(Fraction)
    for posting in postings:
        debits[posting.amount.currency.code] += max(posting.amount.as_fraction(), Fraction(0))
    for name, column, code in (("csv", "debit", "currency"), ("csv-quickbooks", "Debits", "Currency")):
        rows = list(csv.DictReader(exported(home, name, tmp_path).open(newline="")))
        found: dict[str, Fraction] = defaultdict(Fraction)
        for row in rows:
            found[row[code]] += Fraction(row[column] or 0)
        assert found == debits
        assert len(rows) == len(postings)
    xero = list(csv.DictReader(exported(home, "csv-xero", tmp_path).open(newline="")))
    sums: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    for row in xero:
        sums[row["*Narration"], row["*Date"]] += Fraction(row["*Amount"])
    assert len(xero) == len(postings) and not any(sums.values())
    datev = list(csv.DictReader(exported(home, "csv-datev-like", tmp_path).open(newline=""), delimiter=";"))
    split: dict[str, Fraction] = defaultdict(Fraction)
    for row in datev:
        split[row["WKZ Umsatz"]] += Fraction(row["Umsatz (ohne Soll/Haben-Kz)"].replace(",", "."))
    assert split == debits


def test_focus_rows_of_an_invoice_add_up_to_what_is_due(home: Home, tmp_path: Path) -> None:
    rows = list(csv.DictReader(exported(home, "focus", tmp_path).open(newline="")))
    assert tuple(rows[0]) == COLUMNS
    told = {each["number"]: each for each in documents(home)}
    billed: dict[str, Fraction] = defaultdict(Fraction)
    taxes: dict[str, Fraction] = defaultdict(Fraction)
    for row in rows:
        billed[row["InvoiceId"]] += Fraction(row["BilledCost"])
        taxes[row["InvoiceId"]] += Fraction(row["BilledCost"]) if row["ChargeCategory"] == "Tax" else 0
        assert row["BillingCurrency"] == told[row["InvoiceId"]]["currency"]
    assert billed == {number: Fraction(each["due"]) for number, each in told.items()}
    assert taxes == {
        number: sum((Fraction(tax["amount"]) for tax in each["taxes"]), Fraction(0))
        for number, each in told.items()
    }
    lines = {line["id"] for each in told.values() for line in each["lines"]}
    assert {row["x_LineId"] for row in rows} - {""} == lines
    assert {row["ChargeCategory"] for row in rows} == {"Usage", "Purchase", "Tax", "Credit"}


def named(name: str, *codes: str, customer: str = "a:b/c-d+e@f", minor: int = 10**18 - 1) -> list[Named]:
    """Entries in which everything that can be a text of strangers is `name`."""
    found = []
    for place, code in enumerate(codes or ("USD", "JPY", "BHD", "CLF")):
        unit = currency(code)
        postings = (
            Posting(Account.RECEIVABLE, Money(minor, unit), LineId("in_1-001")),
            Posting(Account.REVENUE, Money(-minor, unit)),
        )
        entry = Entry(
            id=f"manual/{place}",
            kind=EntryKind.MANUAL,
            customer=CustomerId(customer),
            effective_at=Instant(place),
            postings=postings,
            reason=name,
            invoice=InvoiceId("in_1"),
            person=name,
            accounting_period="1970-02",
            booked_at=Instant(0),
        )
        found.append(Named(entry, name, name))
    return found


OPENED = [(Account.RECEIVABLE, "a:b/c-d+e@f"), (Account.REVENUE, "a:b/c-d+e@f")]
UNITS = [currency(code) for code in ("BHD", "CLF", "JPY", "USD")]


def test_hledger_accepts_hostile_text_and_large_numbers(tmp_path: Path) -> None:
    entries = [each for name in EVIL for each in named(name)]
    file = tmp_path / "evil.journal"
    file.write_text("".join(hledger_journal(entries, UNITS, OPENED)))
    hledger(file, *CHECKS)
    stats = hledger(file, "print", "-O", "csv")
    rows = list(csv.DictReader(io.StringIO(stats)))
    assert len(rows) == 2 * len(entries)
    assert {row["account"] for row in rows} == {
        "assets:receivable:a%3ab/c-d+e@f",
        "revenues:revenue:a%3ab/c-d+e@f",
    }
    assert {row["date"] for row in rows} == {"1970-02-01"}
    amounts = {row["commodity"]: row["amount"] for row in rows if not row["amount"].startswith("-")}
    assert {code: Fraction(amount) for code, amount in amounts.items()} == {
        unit.code: Fraction(10**18 - 1, 10**unit.exponent) for unit in UNITS
    }


def test_beancount_accepts_hostile_text_and_large_numbers(tmp_path: Path) -> None:
    entries = [each for name in EVIL for each in named(name)]
    file = tmp_path / "evil.beancount"
    file.write_text("".join(beancount_file(entries, OPENED)))
    loaded, errors, _ = loader.load_file(str(file))
    assert errors == []
    transactions = [each for each in loaded if isinstance(each, Transaction)]
    assert len(transactions) == len(entries)
    assert {len(each.postings) for each in transactions} == {2}
    assert not any(each.tags or each.links for each in transactions)
    found = {
        each.postings[0].units.currency: Fraction(each.postings[0].units.number) for each in transactions
    }
    assert found == {unit.code: Fraction(10**18 - 1, 10**unit.exponent) for unit in UNITS}


def test_tables_keep_hostile_text_in_its_cell() -> None:
    entries = [each for name in EVIL for each in named(name)]
    for made in (journal_csv, quickbooks_csv, xero_csv):
        text = "".join(made(entries))
        rows = list(csv.reader(io.StringIO(text, newline="")))
        assert len(rows) == 1 + 2 * len(entries)
        assert len({len(row) for row in rows}) == 1
        for cell in (cell for row in rows for cell in row):
            assert cell.isprintable()
            assert cell.lstrip()[:1] not in ("=", "+", "@", "\uff1d"), cell


def test_keys_stay_apart() -> None:
    """Two customers never share an account of an export."""
    keys = ["a-b", "a.b", "a:b", "a/b", "ab", "a-2d-b", "A-b", "a--b", "a+b", "a@b", "a_b"]
    for written in (beancount_file, lambda none, opened: hledger_journal(none, [], opened)):
        text = "".join(written([], [(Account.RECEIVABLE, key) for key in keys]))
        names = [line.split()[-1] for line in text.splitlines() if line.split()[-1:] and "eceivable:" in line]
        assert len(set(names)) == len(keys)


def test_an_entry_of_many_legs_is_paired_without_a_difference() -> None:
    usd = currency("USD")
    legs = [
        (Account.RECEIVABLE, 70),
        (Account.CLEARING, 30),
        (Account.REVENUE, -45),
        (Account.TAX_PAYABLE, -55),
    ]
    (one,) = named("x", "USD")
    entry = replace(one.entry, postings=tuple(Posting(account, Money(minor, usd)) for account, minor in legs))
    assert [(debit, credit, amount.minor) for debit, credit, amount in pairs(entry)] == [
        ("receivable", "revenue", 45),
        ("receivable", "tax-payable", 25),
        ("clearing", "tax-payable", 30),
    ]


def test_what_cannot_be_exported_is_refused_and_leaves_no_file(home: Home, tmp_path: Path) -> None:
    for name, months in (("excel", {}), ("csv", {"since": "January"})):
        with pytest.raises(Refusal):
            exported(home, name, tmp_path, **months)
    with pytest.raises(UnknownFormat, match="hledger, beancount"):
        exported(home, "excel", tmp_path)
    assert list(tmp_path.iterdir()) == []
