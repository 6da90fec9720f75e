"""`tieout readiness` as a person uses it: looked at, expected, signed in place and offline, narrow, wide."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ready_home import make_ready_home
from tests.surface.conftest import Ran, in_process
from tieout.gateways.clock import SystemClock
from tieout.kernel.instant import HOUR_MICROSECONDS, Instant, format_instant, parse_instant

EXPECTED = (
    "--account",
    "acme",
    "--period",
    "2026-03-01/2026-04-01",
    "--amount",
    "10.00",
    "--date",
    "2026-04-02",
)
DECIDED = ("--by", "Dana", "--reason", "launch")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    ready = make_ready_home(tmp_path_factory.mktemp("cli") / "home")
    ready.run()
    ready.home.close()
    yield ready.home.folder


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "home"))


def run(home: Path, *arguments: str) -> Ran:
    return in_process("readiness", *arguments, "--home", str(home))


def test_the_review_says_that_nothing_was_started_and_what_is_open(home: Path) -> None:
    ran = run(home)
    assert ran.code == 1
    assert ran.out.startswith(
        "Readiness was not started here: every account is billed, and nothing is refused."
    )
    assert "samples: OPEN  sample accounts come to the dates and amounts" in ran.out
    assert (
        "- not signed off by product, finance, ops. Next: tieout readiness sign samples --role R" in ran.out
    )
    assert "compliance: NOT APPLICABLE" in ran.out
    told = run(home, "--json").json
    assert (told["started"], told["level"]) == (False, None)
    assert [each["item"] for each in told["items"]][:3] == ["rules", "samples", "event"]
    assert set(told["open"]) == {each["item"] for each in told["items"] if each["state"] == "open"}
    assert run(home, "show", "rules").code == 1
    assert run(home, "show", "rules", "--json").json["missing"] == ["product", "finance", "ops"]
    assert (run(home, "show", "luck").code, run(home, "show", "luck").out) == (3, "")
    assert run(home, "level").code == 0
    assert run(home, "level", "--json").json == []


def test_signed_in_place_and_offline(home: Path) -> None:
    papers = home / "papers"
    ran = run(home, "sign", "rules", "--role", "product", "--key", str(papers / "product.key"))
    assert (ran.code, ran.out[:38]) == (0, "Ada (product) signed the sign-off of r"), ran.err
    assert '"item":"rules"' in ran.err, "whoever signs reads what is signed"
    again = run(home, "sign", "rules", "--role", "product", "--key", str(papers / "product.key"))
    assert again.code == 4
    wrong = run(home, "sign", "rules", "--role", "finance", "--key", str(papers / "product.key"))
    assert (wrong.code, "is not registered" in wrong.err or "registered for" in wrong.err) == (2, True)
    role = run(home, "sign", "totals", "--role", "product", "--key", str(papers / "product.key"))
    assert "is signed by finance, not by product" in role.err
    asked, signed = str(home / "asked.json"), str(home / "signed.json")
    assert run(home, "request", "rules", "--out", asked).code == 0
    offline = ("policy", "sign", asked, "--key", str(papers / "ops.key"), "--role", "ops", "--person", "Chi")
    assert in_process(*offline, "--out", signed).code == 0
    assert run(home, "submit", signed, "--json").json["person"] == "Chi"
    assert run(home, "show", "rules", "--json").json["missing"] == ["finance"]
    assert in_process("policy", "submit", signed, "--home", str(home)).code == 3
    unready = run(home, "sign", "replay", "--role", "engineering", "--key", str(papers / "engineering.key"))
    assert (unready.code, "so nobody can sign it off yet" in unready.err) == (4, True)


def test_expected_beforehand_and_seen_among_the_papers(home: Path) -> None:
    by = ("--role", "finance", "--by", "Bram")
    ran = run(home, "sample", "record", *EXPECTED, *by)
    assert ran.out.startswith("Sample of acme: 2026-03-01/2026-04-01: finance expects USD 10 on 2026-04-02")
    assert "It counts once it is signed" in ran.err
    key = ("--key", str(home / "papers" / "finance.key"))
    told = run(home, "sample", "record", *EXPECTED, *by, *key, "--json").json
    assert (told["missing"], told["document"]["amount"]) == ([], "10")
    listed = run(home, "documents", "--json").json
    assert [each["paper"] for each in listed if each["document"].get("from") == "2026-03-01"] == [
        "sample"
    ] * 2
    assert "finance expects USD 10 on 2026-04-02" in run(home, "documents").out
    for wrong in (
        ("--role", "engineering", "--by", "Eve"),
        (*by, "--paper", "letter"),
        (*by, "--date", "soon"),
        (*by, "--period", "2026-03"),
        (*by, "--amount", "1e3"),
        (*by, "--currency", "XXX1"),
    ):
        refused = run(home, "sample", "record", *EXPECTED, *wrong)
        assert (refused.code, refused.out) == (2, ""), wrong
        assert refused.err.startswith("tieout: ")


def test_narrow_wide_and_an_override(home: Path) -> None:
    assert run(home, "level", "narrow", *DECIDED).code == 2
    assert run(home, "level", "wide", "--accounts", "acme", *DECIDED).code == 2
    assert run(home, "level", "narrow", "--accounts", "acme").code == 2
    assert run(home, "level", "ajar", *DECIDED).code == 2
    started = run(home, "level", "narrow", "--accounts", "acme", *DECIDED, "--json").json
    assert [(each["level"], each["accounts"]) for each in started] == [("narrow", ["acme"])]
    refused = run(home, "level", "wide", *DECIDED)
    assert (refused.code, refused.out) == (4, "")
    assert refused.err.startswith("tieout: A wider level is refused: 8 items are open")
    assert run(home).out.startswith("Level: narrow (acme).")
    assert "Dana" in run(home, "level").out
    over = ("override", "propose", "event", *DECIDED, "--until", "2999-01-01T00:00:00Z")
    assert run(home, *over).code == 2
    soon = format_instant(Instant(SystemClock().now() + 24 * HOUR_MICROSECONDS))
    never = run(home, "override", "propose", "totals", *DECIDED, "--until", soon)
    assert (never.code, "Item totals has no override" in never.err) == (4, True)
    closed = in_process("close", "--home", str(home), "--json")
    kept = [each for each in closed.json["outcomes"] if each["customer"] == "birch"]
    assert {each["reason"] for each in kept} == {"readiness: narrow, and the account is not on its list"}
    more = in_process("close", "--home", str(home), "--account", "birch")
    assert "not due: readiness: narrow, and the account is not on its list." in more.out
    catalog = home / "more.toml"
    catalog.write_text(
        '[[event]]\ntype = "x"\nversion = 1\neffective_from = 2030-01-01T00:00:00Z\ndescription = "X."\n'
    )
    applied = in_process("catalog", "apply", str(catalog), "--home", str(home))
    assert (applied.code, "A change of event is refused" in applied.err) == (4, True)


def test_another_persons_key_leaves_nothing_behind_and_is_named(home: Path) -> None:
    """Neither an unsigned paper nor the name of a file that nobody gave."""
    before = run(home, "documents", "--json").json
    finance, ops = str(home / "papers" / "finance.key"), str(home / "papers" / "ops.key")
    for wrong in (
        ("sample", "record", *EXPECTED, "--role", "finance", "--by", "Bram", "--key", ops),
        ("sample", "record", *EXPECTED, "--role", "ops", "--by", "Bram", "--key", ops),
        ("sign", "rules", "--role", "finance", "--key", ops),
        ("sign", "rules", "--role", "finance", "--person", "Bram", "--key", ops),
    ):
        refused = run(home, *wrong)
        assert (refused.code, refused.out) == (2, ""), wrong
        assert f"The signature by the key in {ops} is refused: " in refused.err
        assert "tieout-sign-" not in refused.err and "signature.json" not in refused.err
        assert run(home, "documents", "--json").json == before, wrong
    missing = run(home, "sign", "rules", "--role", "finance", "--key", f"{finance}.none")
    assert missing.code != 0 and f"{finance}.none" in missing.err
    assert run(home, "documents", "--json").json == before
    signed = run(home, "sign", "rules", "--role", "finance", "--key", finance)
    assert signed.code == 0
    assert run(home, "sign", "rules", "--role", "finance", "--key", finance).code == 4
    assert len(run(home, "documents", "--json").json) == len(before) + 1


def test_what_a_dry_run_could_show_is_said_when_it_is_recorded(home: Path) -> None:
    """The clock of the command line is the machine's: 2999 is not over."""
    if SystemClock().now() < parse_instant("2026-04-02T00:00:00Z"):
        pytest.skip("March 2026 is not over here")
    by = ("--role", "finance", "--by", "Bram")
    ran = run(home, "sample", "record", *EXPECTED, *by)
    assert "A dry run of the close shows since 2026-04-02T00:00:00Z what this comes to." in ran.err
    later = [each.replace("2026-", "2999-") for each in EXPECTED]
    assert "dry run" not in run(home, "sample", "record", *later, *by).err
