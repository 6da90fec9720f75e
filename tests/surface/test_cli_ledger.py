"""`tieout ledger` and `tieout payment` as people use them: read, lock, propose, approve, pay; bad input."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pysqlite3
import pytest

from tests.ledgers import make_ledger_home
from tests.surface.conftest import Ran, in_process
from tests.tampered import chained_anew


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kept") / "home"
    home, _ = make_ledger_home(folder)
    home.close()
    return folder


@pytest.fixture
def folder(kept: Path, tmp_path: Path) -> Path:
    """A copy of its own."""
    return Path(shutil.copytree(kept, tmp_path / "home"))


def run(folder: Path, *arguments: str) -> Ran:
    return in_process(*arguments, "--home", str(folder))


def told(folder: Path, *arguments: str) -> Any:
    ran = run(folder, *arguments, "--json")
    assert ran.code == 0, ran.err
    return ran.json


def balances(folder: Path, customer: str) -> dict[str, str]:
    found = told(folder, "ledger", "balances", "--customer", customer)
    return {each["account"]: each["balance"] for each in found}


def test_the_chart_has_every_account_and_what_stands_on_it() -> None:
    chart = in_process("ledger", "accounts", "--json").json
    names = [each["account"] for each in chart]
    assert {"receivable", "unbilled-receivable", "fx", "bad-debt", "payables", "reserve", "fees"} <= set(
        names
    )
    assert all(each["meaning"] and each["class"] for each in chart)
    assert all(name in in_process("ledger", "accounts").out for name in names)


def test_entries_and_balances_are_read_by_period_customer_invoice_and_account(folder: Path) -> None:
    whole = told(folder, "ledger", "entries")
    of_ink = told(folder, "ledger", "entries", "--customer", "ink")
    assert 0 < len(of_ink) < len(whole) and {each["customer"] for each in of_ink} == {"ink"}
    first = told(folder, "ledger", "entries", "--invoice", "INV-000001")
    assert {each["kind"] for each in first} == {"accrual", "invoice"}
    assert all(isinstance(part["amount"], str) for each in first for part in each["postings"])
    january = told(folder, "ledger", "entries", "--period", "2026-01")
    assert {each["accounting_period"] for each in january} == {"2026-01"}
    taxed = told(folder, "ledger", "entries", "--account", "tax-payable")
    assert {each["kind"] for each in taxed} == {"invoice"}
    assert balances(folder, "ink")["receivable"] == "29.98"
    said = run(folder, "ledger", "entries", "--invoice", "INV-000001").out
    assert "accrual/in_" in said and "16.667" in said
    only = told(folder, "ledger", "balances", "--account", "receivable")
    assert {each["account"] for each in only} == {"receivable"}


def test_the_trial_balance_balances_and_a_changed_posting_is_6_and_named(folder: Path) -> None:
    trial = told(folder, "ledger", "trial-balance")
    assert trial["differences"] == {"BHD": "0.000", "JPY": "0", "USD": "0.00"}
    assert "total" in run(folder, "ledger", "trial-balance").out
    with closing(pysqlite3.connect(folder / "books.db")) as books:
        books.execute("DROP TRIGGER posting_no_update")
        changed = "UPDATE posting SET amount_minor = amount_minor + 1 WHERE account = 'tax-payable'"
        assert books.execute(changed).rowcount > 0
        books.commit()
    assert run(folder, "ledger", "trial-balance").code == 6
    ran = run(folder, "verify", "--json")
    assert ran.code == 6
    assert any(each["what"] == "ledger" and "is off by" in each["detail"] for each in ran.json["findings"])


@pytest.mark.parametrize(
    ("trigger", "statement", "detail"),
    [
        ("posting_no_delete", "DELETE FROM posting WHERE entry LIKE 'invoice/%'", "receivable"),
        ("posting_no_update", "UPDATE posting SET account = 'fx' WHERE account = 'revenue'", "revenue"),
        (
            "posting_no_update",
            "UPDATE posting SET account = 'fx' WHERE account = 'tax-payable'",
            "tax-payable",
        ),
        (
            "journal_entry_no_update",
            "UPDATE journal_entry SET accounting_period = '2020-01' WHERE kind = 'accrual'",
            "before its effect",
        ),
        ("posting_no_update", "UPDATE posting SET account = 'petty-cash'", "cannot be read"),
    ],
)
def test_a_changed_ledger_is_named_by_verify(folder: Path, trigger: str, statement: str, detail: str) -> None:
    with closing(pysqlite3.connect(folder / "books.db")) as books:
        books.execute(f"DROP TRIGGER {trigger}")
        assert books.execute(statement).rowcount > 0
        books.commit()
    ran = run(folder, "verify", "--json")
    assert ran.code == 6
    assert any(each["what"] == "ledger" and detail in each["detail"] for each in ran.json["findings"]), (
        ran.out
    )


def test_months_are_locked_in_order_and_what_comes_later_is_booked_in_an_open_one(folder: Path) -> None:
    lock = ("--by", "Bram", "--reason", "closed")
    assert run(folder, "ledger", "lock", "2026-01", *lock).code == 0
    assert run(folder, "ledger", "lock", "2026-03", *lock).code == 4
    assert run(folder, "ledger", "lock", "2026-01", *lock).code == 4
    assert run(folder, "ledger", "lock", "9000-01", *lock).code == 4
    assert run(folder, "ledger", "lock", "January", *lock).code == 2
    assert run(folder, "ledger", "lock", "2026-02", "--by", " ", "--reason", "x").code == 2
    assert [each["month"] for each in told(folder, "ledger", "locks")] == ["2026-01"]
    paid = told(
        folder, "payment", "record", "INV-000002", "--amount", "22.97", "--reference", "p1", "--by", "Fay",
        "--received", "2026-01-31T12:00:00Z",
    )  # fmt: skip
    assert paid["accounting_period"] == "2026-02"
    assert paid["received_at"] == "2026-01-31T12:00:00Z"
    assert run(folder, "ledger", "trial-balance").code == 0


def test_a_manual_entry_needs_two_people(folder: Path) -> None:
    asked = ("ledger", "record", "--customer", "ink", "--by", "Bram", "--reason", "will not pay")
    made = told(folder, *asked, "--debit", "bad-debt=5.00", "--credit", "receivable=5.00", "--id", "m1")
    assert made["state"] == "proposed" and "bad-debt" not in balances(folder, "ink")
    alone = run(folder, "ledger", "approve", "m1", "--by", "bram", "--reason", "mine")
    assert alone.code == 4 and "another person" in alone.err
    posted = told(folder, "ledger", "approve", "m1", "--by", "Chi", "--reason", "agreed")
    assert (posted["state"], posted["entry"]["by"]) == ("posted", "Bram, Chi")
    assert balances(folder, "ink")["bad-debt"] == "5.00"
    assert run(folder, "ledger", "approve", "m1", "--by", "Dee", "--reason", "again").code == 4
    assert run(folder, *asked, "--debit", "fx=1", "--credit", "fees=1", "--id", "m1").code == 4
    told(folder, *asked, "--debit", "fx=1", "--credit", "fees=1", "--id", "m2")
    assert told(folder, "ledger", "reject", "m2", "--by", "Chi", "--reason", "no")["entry"] is None
    assert [each["state"] for each in told(folder, "ledger", "proposals")] == ["posted", "rejected"]
    assert "will not pay" in run(folder, "ledger", "proposals").out
    assert run(folder, "ledger", "approve", "m3", "--by", "Chi", "--reason", "x").code == 3
    assert run(folder, "verify").code == 0


def test_a_manual_entry_names_every_problem_at_once(folder: Path) -> None:
    ran = run(
        folder, "ledger", "record", "--customer", "ink", "--by", "B", "--reason", "r", "--id", "!",
        "--debit", "petty-cash=1", "--debit", "fx=0.001", "--debit", "fx=x", "--credit", "fees=-1",
        "--credit", "fees", "--effective", "2999-01-01T00:00:00Z",
    )  # fmt: skip
    assert ran.code == 2
    for words in (
        "not a key",
        "no account",
        "minor units",
        "no amount",
        "above zero",
        "ACCOUNT=AMOUNT",
        "has not come",
    ):
        assert words in ran.err, words
    off = ("ledger", "record", "--customer", "ink", "--by", "B", "--reason", "r", "--debit", "fx=2")
    assert "differ by 2.00 USD" in run(folder, *off).err
    assert told(folder, "ledger", "proposals") == []


def test_a_payment_is_posted_once_and_what_is_too_much_is_the_customers(folder: Path) -> None:
    pay = ("payment", "record", "INV-000002", "--reference", "bank-7", "--by", "Fay", "--amount")
    first = told(folder, *pay, "30.00")
    assert (first["applied"], first["overpaid"], first["new"]) == ("22.97", "7.03", True)
    again = told(folder, *pay, "30.00")
    assert {**again, "new": True} == first and again["new"] is False
    other = run(folder, *pay, "31.00")
    assert other.code == 4 and "recorded as 30.00 USD" in other.err
    held = balances(folder, "ink")
    assert (held["receivable"], held["customer-balance"], held["clearing"]) == ("7.01", "-7.03", "50.00")
    elsewhere = ("payment", "record", "INV-000001", "--reference", "bank-7", "--by", "Fay", "--amount", "1")
    assert run(folder, *elsewhere).code == 4
    listed = told(folder, "payment", "list", "--customer", "ink")
    assert [each["reference"] for each in listed] == ["bank-7"]
    assert "bank-7" in run(folder, "payment", "list").out
    assert run(folder, "verify").code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("ledger", "entries", "--account", "petty-cash"), 3, "ledger accounts"),
        (("ledger", "entries", "--customer", "nobody"), 3, "no customer"),
        (("ledger", "entries", "--invoice", "INV-9"), 3, "no invoice"),
        (("ledger", "entries", "--period", "2026"), 2, "month such as"),
        (("ledger", "entries", "--period", "2026-01", "--from", "2026-01"), 2, "--period"),
        (("ledger", "export", "--format", "excel", "--out", "x"), 2, "csv-datev-like"),
        (
            ("payment", "record", "INV-000002", "--amount", "0", "--reference", "a", "--by", "F"),
            2,
            "above zero",
        ),
        (
            ("payment", "record", "INV-000002", "--amount", "1.001", "--reference", "a", "--by", "F"),
            2,
            "minor",
        ),
        (
            ("payment", "record", "INV-000002", "--amount", "1", "--reference", "=a", "--by", "F"),
            2,
            "not a key",
        ),
        (("payment", "record", "INV-9", "--amount", "1", "--reference", "a", "--by", "F"), 3, "no invoice"),
    ],
)
def test_bad_input_is_one_line_that_says_what_to_do(
    folder: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    ran = run(folder, *arguments)
    assert ran.code == code, ran.err
    assert words in ran.err


def test_an_export_says_what_it_wrote(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "journal"
    done = told(folder, "ledger", "export", "--format", "hledger", "--out", str(out), "--from", "2026-02")
    assert done["records"] > 0 and len(done["sha256"]) == 64
    assert (
        done["sha256"][:8]
        in run(
            folder,
            "ledger",
            "export",
            "--format",
            "hledger",
            "--out",
            str(out),
            "--force",
            "--from",
            "2026-02",
        ).err
    )


def test_what_was_sealed_before_the_ledger_is_told(folder: Path) -> None:
    with closing(pysqlite3.connect(folder / "books.db")) as books:
        books.execute(
            "INSERT INTO invoice_before_ledger SELECT id, folio FROM invoice WHERE number = 'INV-000001'"
        )
        for table in ("posting", "journal_entry"):
            books.execute(f"DROP TRIGGER {table}_no_delete")
        books.execute(
            "DELETE FROM posting WHERE entry IN (SELECT id FROM journal_entry WHERE customer = 'dinar-bh')"
        )
        books.execute("DELETE FROM journal_entry WHERE customer = 'dinar-bh'")
        books.execute(
            "INSERT INTO invoice_before_ledger SELECT id, folio FROM invoice "
            "WHERE customer = 'dinar-bh' AND number <> 'INV-000001'"
        )
        books.commit()
    chained_anew(folder / "books.db")
    ran = run(folder, "ledger", "balances")
    assert ran.code == 0 and "3 invoices were sealed before there was a ledger" in ran.err
    paid = run(folder, "payment", "record", "INV-000001", "--amount", "1", "--reference", "a", "--by", "F")
    assert paid.code == 2 and "before there was a ledger" in paid.err
    assert run(folder, "verify").code == 0
