"""The checker of the close's laws is trusted because it finds what is broken on purpose, and names
the law."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.faults.close_laws import Expected, broken_laws, documents_of
from tests.faults.decider import decide
from tests.faults.test_corrections_killed import ACME, FEBRUARY_10, LATE, OF_ACME, SENT, asked, due
from tests.small_home import FEBRUARY_3, MARCH_3, ingest, make_home
from tieout.flows.close_periods import close
from tieout.flows.correct import approve, preview
from tieout.flows.home import Home
from tieout.flows.invoices import list_invoices
from tieout.gateways.clock import SteppedClock
from tieout.wiring import open_home

Paper = dict[str, Any]
KNOWN = {"january": asked([*OF_ACME, *LATE]), "february": asked([])}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """January and February are sealed, a correction is billed, a credit is given."""
    folder = tmp_path_factory.mktemp("sound") / "home"
    home, clock = make_home(folder, now=FEBRUARY_3)
    with home:
        ingest(home, SENT)
        close(home, as_of=clock.now())
        clock.set_to(FEBRUARY_10)
        ingest(home, LATE, "late.ndjson")
        late = preview(home, person="Ann", reason="a queue was stuck", customers=(ACME,))
        approve(home, late.digest or "", person="Bob", reason="looked at")
        clock.set_to(MARCH_3)
        close(home, as_of=MARCH_3)
        first = min(list_invoices(home, ACME), key=lambda row: row.number or "")
        decide(home, "credit", first.number or "", "1")
    return folder


@pytest.fixture
def broken(sound: Path, tmp_path: Path) -> Home:
    shutil.copytree(sound, tmp_path / "home")
    return open_home(tmp_path / "home", clock=SteppedClock(MARCH_3))


def expected() -> Expected:
    return due(2, len(SENT) + len(LATE), **KNOWN)


def laws(home: Home, before: Mapping[str, bytes]) -> set[str]:
    """Those that the checker names."""
    found = broken_laws(home, expected(), sealed_before=before)
    return {each.split(":")[0].split(" ")[0] for each in found}


def run(home: Home, *statements: str, **values: object) -> None:
    """Behind the product's back: no trigger, no foreign key."""
    engine = home.books.engine  # type: ignore[attr-defined] # tests look behind the port
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT", tieout_begin=None) as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        triggers = text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for name in connection.execute(triggers).scalars().all():
            connection.exec_driver_sql(f'DROP TRIGGER "{name}"')
        for statement in statements:
            connection.execute(text(statement), values)
            assert statement.startswith("DROP") or connection.execute(text("SELECT changes()")).scalar_one()
        connection.exec_driver_sql("PRAGMA foreign_keys=ON")


def rewritten(home: Home, paper: Paper, change: Callable[[Paper], None]) -> None:
    """The document of a sealed invoice, and its digest with it."""
    change(paper)
    document = json.dumps(paper).encode()
    values = {"id": paper["id"], "document": document, "sha256": sha256(document).hexdigest()}
    run(home, "UPDATE invoice SET document = :document, sha256 = :sha256 WHERE id = :id", **values)


def of_kind(home: Home, kind: str) -> Paper:
    """The last paper of acme of that kind."""
    papers = [json.loads(each) for each in documents_of(home).values()]
    found = [each for each in papers if each["kind"] == kind and each["customer"]["id"] == ACME]
    return max(found, key=lambda each: str(each["issued_at"]))


def test_a_sound_home_breaks_no_law(broken: Home) -> None:
    with broken as home:
        assert broken_laws(home, expected()) == []


NOTE = "SELECT id FROM invoice WHERE kind = 'note'"
FINALS = "SELECT id FROM invoice WHERE customer = 'birch' ORDER BY period_start DESC LIMIT 1"
OF = "DELETE FROM {0} WHERE {1} IN (SELECT id FROM journal_entry WHERE invoice IN ({2}) {3})"


def without_entries(invoices: str, of_kind: str = "") -> tuple[str, ...]:
    postings = OF.format("posting", "entry", invoices, of_kind)
    return postings, OF.format("journal_entry", "id", invoices, of_kind)


@pytest.mark.parametrize(
    ("law", "statements"),
    [
        ("L15", (*without_entries(FINALS), f"DELETE FROM invoice WHERE id IN ({FINALS})")),
        ("L15", ("DELETE FROM close_outcome WHERE customer = 'birch'",)),
        ("L14", without_entries(FINALS)),
        ("L14", without_entries(FINALS, "AND kind = 'accrual'")),
        ("L14", without_entries(NOTE)),
        ("L14", ("UPDATE posting SET amount_minor = amount_minor * 2 WHERE entry LIKE 'invoice/%'",)),
        ("L6", ("DELETE FROM snapshot WHERE meter = 'stored'",)),
        ("L6", ("UPDATE snapshot SET event_count = event_count - 1 WHERE customer = 'acme'",)),
        ("L12", ("UPDATE invoice SET document = document || ' ' WHERE customer = 'birch'",)),
        ("numbers", ("UPDATE number_series SET last_number = last_number + 1 WHERE series = 'INV'",)),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_what_is_missing_or_changed_is_found(broken: Home, law: str, statements: tuple[str, ...]) -> None:
    with broken as home:
        before = documents_of(home)
        run(home, *statements)
        assert law in laws(home, before)


def test_a_second_invoice_of_a_period_is_found(broken: Home) -> None:
    columns = (
        "period_start, period_end, customer, series, currency, kind, total_minor, cutoff, policy_digest, "
        "sha256, sealed_at, close_run, due_minor"
    )
    with broken as home:
        before = documents_of(home)
        paper = of_kind(home, "final")
        twin = {**paper, "id": "in_twin", "number": "INV-000007", "sequence": 2}
        run(
            home,
            f"INSERT INTO invoice (id, number, sequence, document, {columns}) "
            f"SELECT 'in_twin', 'INV-000007', 2, :document, {columns} FROM invoice WHERE id = :id",
            document=json.dumps(twin).encode(),
            id=paper["id"],
        )
        assert {"L11", "L14", "L13"} <= laws(home, before)


def test_a_correction_that_is_billed_twice_is_found(broken: Home) -> None:
    def twice(paper: Paper) -> None:
        corrections = [line for line in paper["lines"] if "correction" in line]
        assert corrections
        paper["lines"] += corrections

    with broken as home:
        rewritten(home, of_kind(home, "final"), twice)
        assert {"L13", "L10"} <= laws(home, {})


def test_a_credit_beyond_its_line_is_found(broken: Home) -> None:
    def more(paper: Paper) -> None:
        paper["lines"][0]["amount"] = "-10.01"

    with broken as home:
        rewritten(home, of_kind(home, "note"), more)
        found = broken_laws(home, expected())
        assert any(each.startswith("L13: of line") for each in found), found
