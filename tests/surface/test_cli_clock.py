"""A scratch home says on its face that its clock is no real one, and a real one cannot be stepped."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.scratch_home import scratch
from tests.surface.conftest import Ran, in_process

FACE = "TEST CLOCK: it is 2024-02-29T00:00:00Z in this scratch home; nothing here is a real bill."
SAYING = (
    ("policy", "show"),
    ("policy", "keys"),
    ("invoice", "list"),
    ("invoice", "show", "INV-000001"),
    ("clock", "show"),
    ("doctor",),
)


def run(home: Path, *arguments: str) -> Ran:
    return in_process(*arguments, "--home", str(home))


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One month was stepped, and closed on the way."""
    folder = tmp_path_factory.mktemp("scratch") / "home"
    scratch(folder).close()
    ran = run(folder, "clock", "step", "--by", "1mo", "--close")
    assert ran.code == 0, ran.err
    assert ran.out.startswith("TEST CLOCK: it is 2024-01-31T00:00:00Z")
    assert "INV-000001" in ran.out and "went from 2024-01-31T00:00:00Z to 2024-02-29T00:00:00Z" in ran.out
    assert "Due next: 2024-03-31T00:00:00Z" in ran.out
    return folder


@pytest.mark.parametrize("verb", SAYING, ids=" ".join)
def test_everything_printed_of_it_says_test_clock(closed: Path, verb: tuple[str, ...]) -> None:
    ran = run(closed, *verb)
    assert ran.code == 0, ran.err
    assert ran.out.startswith(FACE) and ran.out.count("TEST CLOCK") == 1
    told = run(closed, *verb, "--json").json
    rows = told if isinstance(told, list) else [told]
    assert rows
    assert {row["test_clock"] for row in rows} == {"2024-02-29T00:00:00Z"}


def test_a_step_tells_machines_what_came_due_and_what_was_closed(closed: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(closed, tmp_path / "home"))
    told = run(copied, "clock", "step", "--by", "1mo", "--json").json
    assert (told["before"], told["now"]) == ("2024-02-29T00:00:00Z", "2024-03-31T00:00:00Z")
    (due,) = told["due"]
    assert (due["customer"], due["came_due"], due["cannot_be_billed_because"]) == ("acme", "now", None)
    assert due["period"] == {"start": "2024-02-29T00:00:00Z", "end": "2024-03-31T00:00:00Z"}
    told = run(copied, "clock", "step", "--to", "2024-05-01T00:00:00Z", "--close", "--json").json
    assert [close["as_of"] for close in told["closes"]] == ["2024-03-31T00:00:00Z", "2024-04-30T00:00:00Z"]
    assert not told["due"] and told["next_due_at"] == "2024-05-31T00:00:00Z"
    back = run(copied, "clock", "step", "--to", "2024-04-30T00:00:00Z")
    assert back.code == 4 and "never goes back" in back.err


def test_a_real_home_cannot_be_stepped(tmp_path: Path) -> None:
    assert run(tmp_path / "home", "init").code == 0
    ran = run(tmp_path / "home", "clock", "step", "--by", "1mo")
    assert ran.code == 4 and "no test clock" in ran.err
    shown = run(tmp_path / "home", "clock", "show")
    assert "The system's clock" in shown.out and "TEST CLOCK" not in shown.out
    assert run(tmp_path / "home", "clock", "show", "--json").json["clock"] == "system"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "one of the two"),
        (("--by", "1mo", "--to", "2024-03-01T00:00:00Z"), "one of the two"),
        (("--by", "soon"), "not a step"),
        (("--to", "2024-03-01"), "RFC 3339"),
    ],
)
def test_a_step_that_cannot_be_read_is_refused(closed: Path, options: tuple[str, ...], words: str) -> None:
    ran = run(closed, "clock", "step", *options)
    assert ran.code == 2 and words in ran.err
    assert run(closed, "clock", "show", "--json").json["now"] == "2024-02-29T00:00:00Z"


def test_a_clock_begins_at_an_instant(tmp_path: Path) -> None:
    ran = run(tmp_path / "home", "init", "--test-clock", "yesterday")
    assert ran.code == 2 and not (tmp_path / "home").exists()


def test_what_prints_no_words_says_it_beside(closed: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "journal.beancount")
    ran = run(closed, "ledger", "export", "--format", "beancount", "--out", out)
    assert ran.code == 0, ran.err
    assert "TEST CLOCK" not in ran.out and FACE in ran.err
