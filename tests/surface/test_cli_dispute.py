"""`tieout dispute ...` as a user meets it: ids that can be piped, what to do next, exit codes, and a
rehearsal that finds what is broken and leaves nothing behind."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.disputes import ENGINEERING, FINANCE, OPS, disputed_home
from tests.surface.conftest import Ran, in_process
from tieout.cli import dispute_rehearsal
from tieout.cli.dispute_scratch import apart
from tieout.dispute.type import RULES, DisputeType


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home, _ = disputed_home(tmp_path_factory.mktemp("cli-dispute") / "home")
    home.close()
    return home.folder


class Tieout:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *words: str) -> Ran:
        return in_process(*words, TIEOUT_HOME=str(self.folder))

    def json(self, *words: str) -> Any:
        return json.loads(self(*words, "--json").out)


@pytest.fixture
def run(template: Path, tmp_path: Path) -> Tieout:
    return Tieout(Path(shutil.copytree(template, tmp_path / "home")))


OPEN = ("dispute", "open", "INV-000001", "--line", "3", "--type", "data", "--amount", "10.00")
BY = ("--by", OPS, "--reason", "they count less")


def test_from_opening_to_the_note(run: Tieout, tmp_path: Path) -> None:
    done = run(*OPEN, *BY)
    id = done.out.strip()
    assert done.code == 0 and id.startswith("dp_")
    assert "Owners: Eva (engineering), Olga (ops)." in done.err and f"tieout dispute examine {id}" in done.err
    assert run(*OPEN, *BY).err.startswith("It is open already")
    assert run.json("dispute", "list")[0]["not_collected"] == "10.00"
    row = next(each for each in run.json("invoice", "list") if each["number"] == "INV-000001")
    assert (row["open"], row["disputed"], row["collectable"]) == ("31.13", "10.00", "21.13")
    assert "21.13" in run("invoice", "list", "--customer", "acme").out
    assert id in run("invoice", "show", "INV-000001").out
    said = run("dispute", "message", id, "--by", OPS, "--text", "We look at it.")
    assert said.code == 0 and "send it" in said.out
    pack = tmp_path / "pack.zip"
    assert run("dispute", "pack", id, "--out", str(pack)).code == 0
    key = tmp_path / "key.pub"
    key.write_text(run("evidence", "key").out)
    assert run("evidence", "verify", str(pack), "--key", str(key)).code == 0
    assert run("dispute", "examine", id, "--by", ENGINEERING).code == 0
    assert run("dispute", "isolate", id, "--by", OPS, "--reason", "their log differs").code == 0
    decide = ("dispute", "decide", id, "--outcome", "upheld", "--by", ENGINEERING, "--reason", "twice")
    assert run(*decide, "--approved-by", FINANCE).code == 4
    by = ("--by", ENGINEERING, "--agreed-by", OPS, "--defect", "--reason", "a retry")
    assert run("dispute", "release", id, *by).code == 0
    told = run(*decide, "--approved-by", FINANCE)
    assert told.out == f"{id}: upheld\n" and "INV-CN-000001: 10.00 USD" in told.err
    assert "INV-CN-000001" in run("dispute", "show", id).out
    shown = run.json("dispute", "show", id)
    assert [each["act"] for each in shown["events"]] == [
        *("opened", "messaged", "reproduced", "isolated", "released", "upheld"),
    ]
    assert shown["credits"][0]["with_tax"] == "10.00" and shown["defect"] is True
    assert "is upheld: nothing was recorded. What is left can be disputed for another" in run(*OPEN, *BY).err
    assert run("dispute", "list").out == "Nothing is disputed.\n"
    assert run("dispute", "list", "--overdue").out == "Nothing is overdue.\n"
    assert run("verify").code == 0


def test_records_that_conflict_are_exit_code_1(run: Tieout) -> None:
    id = run(*OPEN, *BY).out.strip()
    for file in (run.folder / "packs").iterdir():
        file.write_bytes(file.read_bytes()[:-1])
    seen = run("dispute", "examine", id, "--by", OPS)
    assert seen.code == 1 and "is isolated: records conflict" in seen.out
    assert "has SHA-256" in run("dispute", "show", id).out
    assert run("verify").code == 6


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("dispute", "open", "INV-9", "--type", "data", "--all", *BY), 3, "tieout invoice list"),
        (("dispute", "open", "INV-000001", "--type", "data", *BY), 2, "--amount or --all"),
        (("dispute", "open", "INV-000001", "--type", "mood", "--all", *BY), 2, "mood"),
        (
            ("dispute", "open", "INV-000001", "--type", "data", "--amount", "99", *BY),
            4,
            "31.13 USD of it is left",
        ),
        (("dispute", "show", "dp_none"), 3, "tieout dispute list --all"),
        (("dispute", "list", "--customer", "nobody"), 3, "nobody"),
        (
            ("dispute", "owners", "set", *BY, "--ops", OPS, "--finance", OPS),
            2,
            "another person than ops",
        ),
        (("dispute", "mock", "--keep", "."), 2, "exists"),
    ],
)
def test_what_is_refused_says_what_to_do(run: Tieout, words: tuple[str, ...], code: int, says: str) -> None:
    done = run(*words)
    assert (done.code, says in " ".join(done.err.split())) == (code, True), done.err
    assert run.json("dispute", "list", "--all") == []


def test_owners_are_shown_and_their_absence_is_exit_code_1(run: Tieout, tmp_path: Path) -> None:
    assert run.json("dispute", "owners", "show")["owners"]["ops"] == [OPS, "Omar"]
    empty = Tieout(tmp_path / "empty")
    in_process("init", "--home", str(empty.folder))
    shown = empty("dispute", "owners", "show")
    assert shown.code == 1 and "Nobody is named for ops, engineering, finance" in shown.err


def test_types_are_the_table(run: Tieout) -> None:
    told = run.json("dispute", "types")
    assert [(each["type"], each["routed_to"]) for each in told] == [
        (each.value, rule.routed_to.value) for each, rule in RULES.items()
    ]


# ---------------------------------------------------------------------------------------------- rehearsal
def test_every_type_is_rehearsed_end_to_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With an environment that names another home's places, which it must not touch."""
    for name in ("TIEOUT_DATABASE_URL", "TIEOUT_SEGMENTS_URL", "TIEOUT_EVIDENCE_KEY", "TIEOUT_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "nowhere"))
    done = in_process("dispute", "mock", "--json")
    told = json.loads(done.out)
    assert done.code == 0 and told["failed"] == 0
    assert {each["type"] for each in told["checks"]} == {each.value for each in DisputeType}
    for each in DisputeType:
        steps = {check["step"] for check in told["checks"] if check["type"] == each.value}
        assert {"open", "route", "message", "decide", "credit", "ledger"} <= steps, each
        assert {"evidence", "isolate"} & steps, each
    assert list(tmp_path.iterdir()) == []


def test_a_step_that_fails_is_shown_and_is_exit_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    """The note is sealed for less than was decided: the rehearsal looks at the books, and finds it."""
    monkeypatch.setattr(dispute_rehearsal, "decide_dispute", lambda *_given, **_named: None)
    done = in_process("dispute", "mock", "--type", "service")
    assert done.code == 1 and "FAILED" in done.out and "checks failed" in done.err


def test_the_environment_comes_back_after_a_rehearsal(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.setenv("TIEOUT_HOME", "/somewhere")
    with apart():
        assert not [name for name in os.environ if name.startswith("TIEOUT_")]
    assert os.environ["TIEOUT_HOME"] == "/somewhere"
