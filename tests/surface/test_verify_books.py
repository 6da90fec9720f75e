"""`tieout verify` names what was changed in the books: a document, its row, a number, a catalog text."""

from __future__ import annotations

import json
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pysqlite3
import pytest

from tests.small_home import ingest, january, make_home
from tests.surface.conftest import in_process


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("closed") / "home"
    home, _ = make_home(folder)
    with home:
        ingest(home, january())
    assert in_process("close", "--as-of", "2026-03-03T00:00:00Z", "--home", str(folder)).code == 0
    return folder


def test_the_books_as_they_were_sealed_have_no_finding(closed: Path) -> None:
    ran = in_process("verify", "--json", "--home", str(closed))
    assert ran.code == 0
    assert ran.json["findings"] == []
    listed = in_process("invoice", "list", "--json", "--home", str(closed)).json
    assert ran.json["invoices"] == len(listed) > 0
    assert ran.json["documents"] > 0
    said = in_process("verify", "--home", str(closed)).out
    assert f"{len(listed)} sealed invoices" in said


@pytest.mark.parametrize(
    ("statement", "what", "detail"),
    [
        ("UPDATE invoice SET document = replace(document, 'acme Ltd', 'acne Ltd')", "invoice", "SHA-256"),
        (
            "UPDATE invoice SET total_minor = total_minor + 100 WHERE number = 'INV-000001'",
            "invoice",
            "total",
        ),
        ("UPDATE invoice SET due_minor = due_minor - 1 WHERE number = 'INV-000001'", "invoice", "due"),
        ("UPDATE invoice SET due_minor = NULL WHERE number = 'INV-000001'", "invoice", "due"),
        ("UPDATE invoice SET number = 'INV-000099' WHERE number = 'INV-000001'", "invoice", "number"),
        ("UPDATE invoice SET number = 'INV-000099' WHERE number = 'INV-000001'", "series", "INV-000001"),
        ("UPDATE invoice SET customer = 'birch' WHERE customer = 'acme'", "invoice", "customer"),
        ("UPDATE invoice SET currency = 'EUR' WHERE number = 'INV-000001'", "invoice", "currency"),
        ("UPDATE invoice SET currency = 'none' WHERE number = 'INV-000001'", "invoice", "cannot be read"),
        ("DELETE FROM invoice WHERE number = 'INV-000001'", "series", "INV-000001 is missing"),
        ("DELETE FROM invoice WHERE number = (SELECT max(number) FROM invoice)", "series", "last number"),
        (
            "UPDATE document SET body = replace(body, '0.015', '0.025') WHERE kind = 'price'",
            "document",
            "digest",
        ),
        ("UPDATE document SET version = 2 WHERE key = 'calls-usd'", "document", "calls-usd v1"),
        ("DELETE FROM document WHERE key = 'calls-usd'", "invoice", "the price it was made with"),
        ("DELETE FROM document WHERE key = 'calls-usd'", "document", "there is no price 'calls-usd'"),
        ("UPDATE close_outcome SET reason = 'fine' WHERE id = 1", "row", "6 rows with digest"),
        (
            "UPDATE close_run SET ended_at = NULL",
            "row",
            "ended_at is None, and ",
        ),
        ("UPDATE signing_key SET revoked_at = 1 WHERE role = 'ops'", "row", "revoked_at is 1, and None by"),
        ("UPDATE signature SET person = 'Eve' WHERE role = 'ops'", "row", "1 row with digest"),
        ("UPDATE charge SET steps = '[]'", "row", "rows with digest"),
        ("DELETE FROM snapshot WHERE meter = 'calls'", "row", "are there now"),
        ("DELETE FROM log_head", "row", "none is there now"),
        ("DELETE FROM folio WHERE number = (SELECT max(number) FROM folio)", "row", "ended_at is "),
        ("UPDATE folio SET contents = replace(contents, '[1,', '[2,') WHERE number = 3", "folio", "digest"),
    ],
)
def test_a_changed_book_is_6_and_named(
    closed: Path, tmp_path: Path, statement: str, what: str, detail: str
) -> None:
    folder = _copied(closed, tmp_path)
    _change(folder, statement)
    ran = in_process("verify", "--json", "--home", str(folder))
    assert ran.code == 6
    assert any(row["what"] == what and detail in row["detail"] for row in ran.json["findings"]), ran.out


def test_an_amount_finer_than_the_currency_is_named_and_not_cut_off(closed: Path, tmp_path: Path) -> None:
    """By the check of the ledger too, whoever made the digest anew: cut off, it would be what was posted."""
    folder = _copied(closed, tmp_path)
    with closing(pysqlite3.connect(folder / "books.db")) as books:
        found = books.execute("SELECT document FROM invoice WHERE number = 'INV-000001'").fetchone()[0]
    total = json.loads(found)["total"]
    changed = bytes(found).replace(f'"total":"{total}"'.encode(), f'"total":"{total}5"'.encode())
    assert changed != found
    statement = "UPDATE invoice SET document = ?, sha256 = ? WHERE number = 'INV-000001'"
    _change(folder, statement, (changed, sha256(changed).hexdigest()))
    ran = in_process("verify", "--json", "--home", str(folder))
    assert ran.code == 6
    (row,) = [row for row in ran.json["findings"] if row["what"] == "ledger"]
    assert row["where"] == "INV-000001"
    assert "finer than the currency's minor unit" in row["detail"]


def _copied(closed: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    for file in closed.glob("*.db*"):
        (folder / file.name).write_bytes(file.read_bytes())
    for place in ("segments", "index"):
        if (closed / place).is_dir():
            (folder / place).symlink_to(closed / place)
    return folder


def _change(folder: Path, statement: str, values: tuple[object, ...] = ()) -> None:
    """With the triggers taken away that would refuse it."""
    with closing(pysqlite3.connect(folder / "books.db")) as books:
        books.execute("PRAGMA foreign_keys = OFF")
        for (trigger,) in books.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            books.execute(f"DROP TRIGGER {trigger}")
        assert books.execute(statement, values).rowcount >= 1
        books.commit()


def test_a_folio_that_was_noted_is_held_against_the_books(closed: Path) -> None:
    noted = in_process("verify", "--json", "--home", str(closed)).json["folio"]
    said = in_process("verify", "--home", str(closed)).out
    assert f"Folio: {noted['number']}:{noted['digest']}" in said
    good = f"{noted['number']}:{noted['digest']}"
    assert in_process("verify", "--folio", good, "--home", str(closed)).code == 0
    for bad in (f"{noted['number']}:{'0' * 64}", f"999:{noted['digest']}"):
        ran = in_process("verify", "--folio", good, "--folio", bad, "--json", "--home", str(closed))
        (row,) = ran.json["findings"]
        assert (ran.code, row["what"]) == (6, "folio") and "was noted" in row["detail"]
    for none in ("", "12", good.upper() if good.upper() != good else "x", f"{good}0"):
        assert in_process("verify", "--folio", none, "--home", str(closed)).code == 2
