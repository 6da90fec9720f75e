"""The command line as a user meets it: exit codes, data on stdout, messages on stderr, exact decimals."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pysqlite3
import pytest

from tests.surface.conftest import DemoHome, in_process, tieout_started

DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?\Z")
READING_VERBS = (
    ("catalog", "show"),
    ("policy", "show"),
    ("customer", "list"),
    ("customer", "show", "birch"),
    ("subscription", "list"),
    ("subscription", "show", "birch"),
    ("quarantine", "list"),
    ("usage", "birch", "--at", "2026-02-20T00:00:00Z"),
    ("invoice", "list"),
    ("invoice", "show", "NG-000001"),
    ("verify",),
    ("doctor",),
)


def dearest_line(home: DemoHome, number: str) -> str:
    lines = home.run("invoice", "show", number, "--json").json["lines"]
    return max((line for line in lines if line["meter"] == "large-input"), key=lambda line: line["amount"])[
        "id"
    ]


@pytest.fixture
def copied(demo_home: DemoHome, tmp_path: Path) -> DemoHome:
    """A home of one's own, for a test that writes."""
    return DemoHome(Path(shutil.copytree(demo_home.folder, tmp_path / "home")), demo_home.summary)


# ---------------------------------------------------------------------------------------------- help
def test_help_names_every_verb() -> None:
    ran = tieout_started("--help", COLUMNS="120")
    verbs = (
        *("demo", "init", "clock", "catalog", "program", "price", "policy", "customer", "subscription"),
        *("wallet", "commitment", "key", "serve", "ingest"),
        *("quarantine", "events", "usage", "exposure", "entitlements"),
        *("budget", "alert", "hold", "review", "trigger"),
        *("close", "reconcile", "draft", "invoice", "correction", "trace"),
        *("evidence", "ledger", "payment", "dispute", "replay", "readiness", "notice"),
        *("compact", "verify", "index", "doctor"),
    )
    assert ran.code == 0
    assert re.findall(r"^│ ([a-z]+) ", ran.out, re.MULTILINE) == list(verbs)


def test_help_imports_nothing_heavy() -> None:
    heavy = ("pyarrow", "numpy", "duckdb", "sqlalchemy", "cryptography", "msgspec", "alembic", "tieout.flows")
    code = (
        "import sys\n"
        "from tieout.cli.app import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("noun", ["catalog", "policy", "customer", "subscription", "quarantine", "invoice"])
def test_a_noun_alone_shows_its_verbs(noun: str) -> None:
    ran = tieout_started(noun)
    assert ran.code == 2
    assert "Usage" in ran.out + ran.err


# ---------------------------------------------------------------------------------------------- streams
@pytest.mark.parametrize("verb", READING_VERBS, ids=" ".join)
def test_json_is_all_there_is_on_stdout(demo_home: DemoHome, verb: tuple[str, ...]) -> None:
    ran = demo_home.run(*verb, "--json")
    assert ran.code == 0, ran.err
    assert no_floats(ran.json)


@pytest.mark.parametrize("verb", READING_VERBS, ids=" ".join)
def test_for_people_there_is_text_without_colour_in_a_pipe(
    demo_home: DemoHome, verb: tuple[str, ...]
) -> None:
    ran = demo_home.run(*verb)
    assert ran.code == 0, ran.err
    assert ran.out.strip()
    assert "\x1b" not in ran.out


def test_no_color_is_honoured_even_where_colour_is_forced(demo_home: DemoHome) -> None:
    coloured = demo_home.run("invoice", "show", "NG-000001", FORCE_COLOR="1", TERM="xterm-256color")
    plain = demo_home.run(
        "invoice", "show", "NG-000001", FORCE_COLOR="1", TERM="xterm-256color", NO_COLOR="1"
    )
    assert "\x1b[" in coloured.out
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", plain.out)


def no_floats(value: Any) -> bool:
    match value:
        case float():
            return False
        case dict():
            return all(no_floats(member) for member in value.values())
        case list():
            return all(no_floats(member) for member in value)
    return True


# ---------------------------------------------------------------------------------------------- shapes
def test_an_invoice_row_says_who_when_and_how_much(demo_home: DemoHome) -> None:
    rows = demo_home.run("invoice", "list", "--json").json
    assert len(rows) == 75
    for row in rows:
        assert sorted(row) == [
            *("collectable", "currency", "customer", "disputed", "due", "id", "kind", "number", "open"),
            *("period", "status", "total"),
        ]
        assert row["period"]["start"] < row["period"]["end"]
        assert row["status"] == "sealed"
        assert DECIMAL.match(row["total"])
        assert row["open"] == row["collectable"] == row["due"] == row["total"]
        assert row["disputed"] in ("0.00", "0")
    assert all("." not in row["total"] for row in rows if row["currency"] == "JPY")


def test_an_invoice_shows_its_lines_and_adds_up(demo_home: DemoHome) -> None:
    shown = demo_home.run("invoice", "show", "NG-000027", "--json").json
    for line in shown["lines"]:
        assert {"id", "description", "meter", "quantity", "unit", "amount", "price_version"} <= set(line)
    cents = sum(int(line["amount"].replace(".", "")) for line in shown["lines"])
    assert cents == int(shown["total"].replace(".", ""))
    assert re.fullmatch("[0-9a-f]{64}", shown["sha256"])
    assert demo_home.run("invoice", "show", shown["id"], "--json").json == shown


def test_an_invoice_page_reads_like_an_invoice(demo_home: DemoHome) -> None:
    page = demo_home.run("invoice", "show", "NG-000027").out
    for text in (
        "Northgate Inference, Inc.",
        "Invoice NG-000027",
        "Bill to",
        "Birch Analytics, Inc.",
        "Total USD",
    ):
        assert text in page
    assert "1 February to 28 February 2026" in page
    assert "America/New_York" in page
    assert re.search(r"Due +2 April 2026 \(net 30 days\)", page)


def test_a_trace_gives_line_working_snapshot_events_and_the_way_back(demo_home: DemoHome) -> None:
    traced = demo_home.run("trace", dearest_line(demo_home, "NG-000001"), "--page-size", "3", "--json")
    assert traced.code == 0, traced.err
    found = traced.json
    assert found["charge"]["steps"]
    assert {"quantity", "event_count", "fingerprint", "watermark"} <= set(found["snapshot"])
    assert len(found["events"]) == 3
    assert found["reproduced"] == {
        "quantity": found["line"]["quantity"],
        "amount": found["line"]["amount"],
        "matches": True,
        "differences": [],
    }


def test_pages_of_a_trace_follow_one_another(demo_home: DemoHome) -> None:
    line = dearest_line(demo_home, "NG-000001")
    whole = demo_home.run("trace", line, "--page-size", "6", "--json").json["events"]
    pages = [demo_home.run("trace", line, "--page", page, "--page-size", "3", "--json").json for page in "12"]
    assert whole == pages[0]["events"] + pages[1]["events"]


@pytest.mark.parametrize(
    ("table", "change", "blamed"),
    [
        ("snapshot", "quantity = quantity || '1'", "snapshot"),
        ("charge", "amount = amount || '1'", "charge"),
        ("invoice_line", "amount_minor = amount_minor + 1", "line"),
        ("document", "body = replace(body, '3.00', '2.00')", "price"),
    ],
)
def test_a_tampered_book_is_1_and_is_named(copied: DemoHome, table: str, change: str, blamed: str) -> None:
    line = dearest_line(copied, "NG-000001")
    with closing(pysqlite3.connect(copied.folder / "books.db")) as books:
        for (trigger,) in books.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            books.execute(f"DROP TRIGGER {trigger}")
        books.execute(f"UPDATE {table} SET {change}")
        books.commit()
    ran = copied.run("trace", line, "--json")
    assert ran.code == 1, ran.err
    assert ran.json["reproduced"]["matches"] is False
    assert blamed in {difference["what"] for difference in ran.json["reproduced"]["differences"]}


# ---------------------------------------------------------------------------------------------- exit codes
def test_an_unknown_verb_is_2() -> None:
    assert tieout_started("frobnicate").code == 2


def test_no_home_named_is_2() -> None:
    ran = tieout_started("invoice", "list")
    assert ran.code == 2
    assert "--home" in ran.err


@pytest.mark.parametrize(
    "verb",
    [
        ("invoice", "show", "NG-999999"),
        ("trace", "in_0000000000000000-001"),
        ("customer", "show", "nobody"),
        ("subscription", "show", "nobody"),
        ("usage", "nobody"),
        ("quarantine", "show", "b9999.r1"),
        ("close", "--customer", "nobody"),
        ("ingest", "no-such-file.ndjson"),
        ("catalog", "apply", "no-such-folder"),
        ("catalog", "show", "meter", "nothing"),
    ],
    ids=" ".join,
)
def test_what_is_not_there_is_3_and_one_line(demo_home: DemoHome, verb: tuple[str, ...]) -> None:
    ran = demo_home.run(*verb)
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("tieout: ")
    assert len(ran.err.strip().splitlines()) == 1


def test_a_folder_that_is_no_home_is_3(tmp_path: Path) -> None:
    assert in_process("doctor", "--home", str(tmp_path)).code == 3


def test_a_second_init_is_4(tmp_path: Path) -> None:
    assert in_process("init", "--home", str(tmp_path / "home")).code == 0
    assert in_process("init", "--home", str(tmp_path / "home")).code == 4


@pytest.mark.parametrize(
    "verb",
    [
        ("usage", "birch", "--at", "yesterday"),
        ("usage", "birch", "--at", "2026-02-20T00:00:00"),
        ("close", "--as-of", "2026-13-01T00:00:00Z"),
        ("ingest", "x.ndjson", "--format", "xml"),
        ("quarantine", "list", "--reason", "because"),
        ("quarantine", "show", "here"),
        ("trace", "x", "--page", "0"),
        ("policy", "register", "x.pub", "--role", "boss", "--person", "B"),
    ],
    ids=" ".join,
)
def test_bad_words_are_2_and_no_stack_trace(demo_home: DemoHome, verb: tuple[str, ...]) -> None:
    ran = demo_home.run(*verb)
    assert (ran.code, ran.out) == (2, ""), ran.err
    assert ran.err
    assert "Traceback" not in ran.err


def test_a_home_with_a_flipped_byte_is_6_and_says_where(copied: DemoHome) -> None:
    with closing(pysqlite3.connect(copied.folder / "log.db")) as log:
        batch, body = log.execute("SELECT batch, body FROM bodies ORDER BY length(body) DESC").fetchone()
    stored = (copied.folder / "log.db").read_bytes()
    place = stored.index(body[-64:]) + 32
    (copied.folder / "log.db").write_bytes(stored[:place] + bytes([stored[place] ^ 1]) + stored[place + 1 :])
    ran = copied.run("verify", "--json")
    assert ran.code == 6
    assert any(str(batch) in finding["where"] for finding in ran.json["findings"])
    assert "Traceback" not in ran.err


# ---------------------------------------------------------------------------------------------- ingest
def test_reading_every_file_again_changes_no_total(copied: DemoHome) -> None:
    files = sorted(str(path) for path in (copied.folder / "traffic").iterdir())
    ran = copied.run("ingest", *files, "--json")
    assert ran.code == 0, ran.err
    assert sum(report["accepted"] for report in ran.json) == 0
    for report in ran.json:
        parts = (report[verdict] for verdict in ("accepted", "duplicate", "conflict", "quarantined"))
        assert report["received"] == sum(parts)


def test_what_was_read_before_a_bad_file_is_reported(copied: DemoHome) -> None:
    file = next((copied.folder / "traffic").iterdir())
    ran = copied.run("ingest", str(file), "nowhere.ndjson", "--json")
    assert ran.code == 3
    assert len(ran.json) == 1
    assert "nowhere.ndjson" in ran.err


def test_a_missing_file_is_not_blamed_for_its_name(demo_home: DemoHome, tmp_path: Path) -> None:
    missing = demo_home.run("ingest", str(tmp_path / "nope"))
    assert (missing.code, "no such file" in missing.err) == (3, True)
    folder = demo_home.run("ingest", str(tmp_path))
    assert (folder.code, "not a file" in folder.err) == (3, True)


@pytest.mark.parametrize(
    ("verb", "shown"), [(("ingest",), "[[source]]"), (("policy", "propose"), "[[policy]]")]
)
def test_help_shows_the_brackets_of_the_catalog(verb: tuple[str, ...], shown: str) -> None:
    assert shown in in_process(*verb, "--help", COLUMNS="200").out


def test_an_empty_file_is_2_and_named(copied: DemoHome, tmp_path: Path) -> None:
    empty = tmp_path / "empty.ndjson"
    empty.write_bytes(b"")
    ran = copied.run("ingest", str(empty))
    assert ran.code == 2
    assert str(empty) in ran.err


def test_a_broken_line_is_in_quarantine_with_its_bytes_escaped(copied: DemoHome, tmp_path: Path) -> None:
    file = tmp_path / "evil.ndjson"
    file.write_bytes(b'\x1b[31m{"not": json\xff\n')
    assert copied.run("ingest", str(file), "--json").json[0]["quarantined"] == 1
    item = copied.run("quarantine", "list", "--limit", "10000", "--json").json[-1]
    assert item["file"] == str(file)
    shown = copied.run("quarantine", "show", item["id"])
    assert "\x1b" not in shown.out
    assert "not" in shown.out


# ---------------------------------------------------------------------------------------------- catalog
def test_check_lists_every_problem_at_once(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text(
        '[[plan]]\nkey = "p"\nversion = 1\neffective_from = 2026-01-01T00:00:00Z\nname = "P"\n'
        'currency = "USD"\nprices = ["missing-one"]\n\n'
        '[[price]]\nkey = "q"\nversion = 1\neffective_from = 2026-01-01T00:00:00Z\ncurrency = "JPY"\n'
        'description = "Q"\nshape = "flat"\namount = "1.50"\n'
    )
    ran = in_process("catalog", "check", str(tmp_path), "--json")
    assert ran.code == 2
    assert {problem["key"] for problem in ran.json["problems"]} == {"plan p v1", "price q v1"}
    assert all(problem["path"].endswith("bad.toml") for problem in ran.json["problems"])
    assert all(isinstance(problem["line"], int) for problem in ran.json["problems"])


def test_a_refused_catalog_applies_nothing(copied: DemoHome, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("[[price]]\nkey = 1\n")
    before = copied.run("catalog", "show", "--json").json
    ran = copied.run("catalog", "apply", str(tmp_path))
    assert ran.code == 2
    assert "bad.toml" in ran.err
    assert copied.run("catalog", "show", "--json").json == before


def test_applying_the_same_catalog_again_adds_nothing(copied: DemoHome) -> None:
    ran = copied.run("catalog", "apply", str(copied.folder / "catalog"), "--json")
    assert ran.code == 0, ran.err
    assert ran.json["added"] == []


def test_closing_again_seals_nothing_again(copied: DemoHome) -> None:
    ran = copied.run("close", "--as-of", "2026-04-03T12:00:00Z", "--json")
    assert ran.code == 0, ran.err
    assert ran.json["invoices"] == []
    assert len(copied.run("invoice", "list", "--json").json) == 75


def test_a_dry_run_shows_drafts_and_writes_nothing(copied: DemoHome) -> None:
    ran = copied.run("close", "--as-of", "2026-05-03T12:00:00Z", "--dry-run", "--json")
    assert ran.code == 0, ran.err
    assert len(ran.json["invoices"]) == 25
    assert {row["number"] for row in ran.json["invoices"]} == {None}
    assert ran.json["standing"] == "not under a signed policy"
    assert len(copied.run("invoice", "list", "--json").json) == 75


def test_the_future_cannot_be_closed(copied: DemoHome) -> None:
    assert copied.run("close", "--as-of", "2999-01-01T00:00:00Z").code == 2
