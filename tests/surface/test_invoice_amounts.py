"""What a person sees of discounts, taxes and what is due; and invoices sealed before there were any."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pysqlite3
import pytest

from tests.scenarios.frame import HERE, Playing, play_step
from tests.scenarios.steps_policy import POLICY
from tests.surface.conftest import in_process
from tests.tampered import chained_anew
from tieout.cli.demo.stage import set_stage, sign_policy
from tieout.flows.apply_catalog import apply_catalog
from tieout.kernel.instant import parse_instant

NEW_MEMBERS = ("discounts", "taxes", "credits", "due")
NEW_IN_LINES = ("group", "tax_category", "amount_after_discounts", "settlement", "program")


def played(name: str, folder: Path) -> Path:
    """The home of a story of tests/scenarios, played to its end."""
    story = HERE / name
    told = tomllib.loads((story / "scenario.toml").read_text())
    stage = set_stage(folder, now=parse_instant(told["starts_at"]))
    with stage.home:
        sign_policy(stage, POLICY.format(effective_from=told["starts_at"]))
        apply_catalog(stage.home, story / "catalog")
        for step in told["step"]:
            play_step(Playing(stage, story, {}), step)
    return folder


def changed(folder: Path, statement: str, *values: object) -> None:
    """A hand in the books, past the database's own refusals."""
    with closing(pysqlite3.connect(folder / "books.db")) as books:
        books.execute("PRAGMA foreign_keys = OFF")
        for (trigger,) in books.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            books.execute(f"DROP TRIGGER {trigger}")
        assert books.execute(statement, values).rowcount >= 1
        books.commit()


def test_the_page_shows_each_amount_with_its_working(tmp_path: Path) -> None:
    folder = str(played("coupon_amount_until_an_instant", tmp_path / "home"))
    page = " ".join(in_process("invoice", "show", "S-000002", "--home", folder, COLUMNS="120").out.split())
    for words in (
        "Subtotal 8.00 Loyal customer -0.80 10 % of 8.00 EUR = 0.80 EUR",
        "Welcome -7.20 7.20 EUR off 7.20 EUR; 2.80 EUR not used, not carried over Total EUR 0.00",
        "after discounts 0.00",
    ):
        assert words in page


def test_the_lines_of_a_program_stand_under_its_name(tmp_path: Path) -> None:
    folder = str(played("coupon_on_a_program", tmp_path / "home"))
    page = " ".join(in_process("invoice", "show", "S-000001", "--home", folder, COLUMNS="120").out.split())
    heading = (
        "Payment fees program pay version 1, fees as of 2025-11-01: https://payer.example/fees 002 Calls"
    )
    assert heading in page
    assert page.index("001 Monthly fee") < page.index(heading)


def test_taxes_are_on_the_page_and_in_json(tmp_path: Path) -> None:
    folder = str(played("tax_exclusive", tmp_path / "home"))
    page = " ".join(in_process("invoice", "show", "S-000002", "--home", folder, COLUMNS="120").out.split())
    assert "VAT, Germany 3.61 19 % of 19.02 EUR = 3.6138 EUR rounded half away from zero to 3.61 EUR" in page
    shown = in_process("invoice", "show", "S-000002", "--home", folder, "--json").json
    assert shown["format"] == "tieout/invoice/2"
    assert [tax["version"] for tax in shown["taxes"]] == [1, 2]
    assert shown["due"] == shown["total"] == "23.08"
    assert [row["due"] for row in in_process("invoice", "list", "--home", folder, "--json").json] == [
        "24.92",
        "23.08",
    ]


def test_a_trace_says_which_share_of_a_discount_is_on_its_line(tmp_path: Path) -> None:
    folder = str(played("tax_exclusive", tmp_path / "home"))
    line = in_process("invoice", "show", "S-000002", "--home", folder, "--json").json["lines"][1]["id"]
    traced = in_process("trace", line, "--home", folder, "--json")
    assert (traced.code, traced.json["reproduced"]["amount"]) == (0, "0.45")
    assert [(each["coupon"], each["amount"]) for each in traced.json["discounts"]] == [("sorry", "-0.02")]
    said = in_process("trace", line, "--home", folder).out
    assert "On the invoice, For the outage (coupon sorry version 1) takes -0.02 EUR of this line." in said


@pytest.mark.parametrize(
    ("statement", "detail"),
    [
        ("DELETE FROM document WHERE kind = 'tax' AND key = 'vat'", "the tax vat it was made with"),
        ("DELETE FROM document WHERE kind = 'coupon'", "the coupon sorry it was made with"),
        (
            "UPDATE invoice SET due_minor = 0 WHERE number = 'S-000002'",
            "due: 23.08 is printed, 0.00 is stored",
        ),
    ],
)
def test_verify_misses_what_amounts_rest_on(tmp_path: Path, statement: str, detail: str) -> None:
    folder = played("tax_exclusive", tmp_path / "home")
    changed(folder, statement)
    ran = in_process("verify", "--home", str(folder), "--json")
    assert ran.code == 6
    assert any(detail in found["detail"] for found in ran.json["findings"]), ran.out


Document = dict[str, Any]  # as its JSON reads


def of_first_format(document: Document) -> None:
    document["format"] = "tieout/invoice/1"
    for name in (*NEW_MEMBERS, "paper"):
        del document[name]
    for line in document["lines"]:
        for name in NEW_IN_LINES:
            line.pop(name, None)
        if line["snapshot"] is not None:
            del line["snapshot"]["retracted_count"]


def without_its_kind_of_paper(document: Document) -> None:
    """As the first ones of format 2 were, before there were notes."""
    del document["paper"]


def sealed_as(tmp_path: Path, earlier: Callable[[Document], None]) -> tuple[Path, str, Document]:
    """A home whose one invoice was sealed by an earlier version: its folder, the number and the document."""
    folder = played("plan_change_mid_period", tmp_path / "home")
    with closing(pysqlite3.connect(folder / "books.db")) as books:
        number, text = books.execute("SELECT number, document FROM invoice").fetchone()
    document: Document = json.loads(text)
    earlier(document)
    old = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    none_due = "" if "due" in document else ", due_minor = NULL"
    statement = f"UPDATE invoice SET document = ?, sha256 = ?{none_due}"
    changed(folder, statement, old, sha256(old).hexdigest())
    chained_anew(folder / "books.db")
    return folder, number, document


@pytest.mark.parametrize("earlier", [of_first_format, without_its_kind_of_paper])
def test_a_pack_of_what_an_earlier_version_sealed_checks(
    tmp_path: Path, earlier: Callable[[Document], None]
) -> None:
    folder, number, _ = sealed_as(tmp_path, earlier)
    home, pack, key = ("--home", str(folder)), str(tmp_path / "pack.zip"), tmp_path / "key.pub"
    key.write_text(in_process("evidence", "key", "--create", *home).out)
    assert in_process("evidence", "build", number, *home, "--out", pack).code == 0
    ran = in_process("evidence", "verify", pack, "--key", str(key), "--json")
    assert (ran.json["breaks"], ran.code) == ([], 0)


def test_a_document_of_the_first_format_still_verifies_shows_and_traces(tmp_path: Path) -> None:
    folder, number, document = sealed_as(tmp_path, of_first_format)
    home = ("--home", str(folder))
    assert in_process("verify", *home, "--json").json["findings"] == []
    page = in_process("invoice", "show", number, *home)
    assert (page.code, "Total EUR" in page.out, "67.50" in page.out) == (0, True, True)
    assert in_process("invoice", "list", *home, "--json").json[0]["due"] == "67.50"
    for line in document["lines"]:
        traced = in_process("trace", line["id"], *home, "--json")
        assert (traced.code, traced.json["discounts"]) == (0, [])
