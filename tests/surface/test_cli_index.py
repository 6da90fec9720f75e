"""`tieout index`, as a person runs it: what it shows, what it repairs, how it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.small_home import FEBRUARY_3, ingest, january, make_home
from tests.surface.conftest import in_process
from tieout.store.files import leased
from tieout.store.log.index import levels
from tieout.store.log.index.filing import LEASE_NAME


@pytest.fixture
def where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """A home of five batches, in runs of two."""
    monkeypatch.setattr(levels, "RUN_BATCHES", 2)
    home, _ = make_home(tmp_path / "home", now=FEBRUARY_3)
    with home:
        events = january(10)
        for number in range(5):
            ingest(home, events[number * 4 : number * 4 + 4])
    return "--home", str(tmp_path / "home")


def test_status_shows_files_and_what_is_learned_from_the_log(where: tuple[str, str]) -> None:
    shown = in_process("index", "status", "--json", *where)
    assert shown.code == 0
    told = shown.json
    ranges = [(file["first_batch"], file["last_batch"], file["identities"]) for file in told["files"]]
    assert ranges == [(1, 2, 8), (3, 4, 8)]
    assert (told["head"], told["filed"], told["identities"], told["faults"]) == (5, 4, 16, [])
    assert told["bytes"] == sum(path.stat().st_size for path in (Path(where[1]) / "index").glob("*.run"))
    text = in_process("index", "status", *where).out
    assert "16 identities in 2 files" in text and "newest 1 of 5 batches" in text


def test_a_damaged_index_is_named_with_the_command_that_repairs_it(where: tuple[str, str]) -> None:
    path = Path(where[1]) / "index" / "000000000003-000000000004.run"
    before = path.read_bytes()
    path.write_bytes(before[:60])
    refused = in_process("ingest", "/dev/null", *where)
    ran = in_process("index", "status", *where)
    assert ran.code == 1 and path.name in ran.out and "tieout index rebuild" in ran.err
    assert in_process("verify", *where).code == 6
    rebuilt = in_process("index", "rebuild", *where)
    assert rebuilt.code == 0 and "16 identities in 2 files" in rebuilt.out
    assert path.read_bytes() == before
    assert in_process("verify", *where).code == 0
    assert refused.code != 0


def test_an_ingest_into_a_damaged_index_is_refused(where: tuple[str, str], tmp_path: Path) -> None:
    path = Path(where[1]) / "index" / "000000000003-000000000004.run"
    path.write_bytes(path.read_bytes()[:60])
    file = tmp_path / "more.ndjson"
    file.write_text('{"x": 1}\n')
    ran = in_process("ingest", str(file), *where)
    assert ran.code == 6
    assert ran.err.startswith(f"tieout: {path} is damaged; `tieout index rebuild`")


def test_a_rebuild_while_another_process_merges_is_to_be_tried_again(where: tuple[str, str]) -> None:
    with leased(Path(where[1]) / "index" / LEASE_NAME):
        ran = in_process("index", "rebuild", *where)
    assert ran.code == 5 and "try again" in ran.err


@pytest.mark.parametrize("verb", ["status", "rebuild"])
def test_without_a_home(tmp_path: Path, verb: str) -> None:
    ran = in_process("index", verb, "--home", str(tmp_path / "none"))
    assert ran.code == 3 and "is not a home" in ran.err


def test_an_empty_home_has_an_empty_index(tmp_path: Path) -> None:
    make_home(tmp_path / "home", now=FEBRUARY_3)[0].close()
    for verb in ("status", "rebuild"):
        told = in_process("index", verb, "--json", "--home", str(tmp_path / "home"))
        assert told.code == 0 and (told.json["files"], told.json["head"]) == ([], 0)
