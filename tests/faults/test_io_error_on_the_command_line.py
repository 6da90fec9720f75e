"""A disk that fails under the command line: one line, exit code 5, and the same command finishes later."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path

import pytest

from tests.faults.harness import tally
from tests.faults.power.disk import Disk
from tests.faults.power.driver import ApswModule
from tests.faults.power.recording import RecordedVfs, Trouble
from tests.faults.power.run import end_process
from tests.logs import event, ndjson
from tests.small_home import make_home
from tests.surface.conftest import Ran, in_process
from tieout.store import sqlite
from tieout.store.suspect import MARK_SUFFIX

EVENTS = 200
_names = count(1)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home without events, and beside it `usage.ndjson`."""
    make_home(tmp_path / "home")[0].close()
    events = [
        event(f"e{n}", type="api.call", subject="key-acme", time="2026-01-05T12:00:00Z", data={"tokens": n})
        for n in range(EVENTS)
    ]
    (tmp_path / "usage.ndjson").write_bytes(ndjson(events))
    return tmp_path / "home"


def ingest(home: Path) -> Ran:
    return in_process("ingest", str(home.parent / "usage.ndjson"), "--home", str(home), "--json")


def on_a_failing_disk(home: Path, trouble: Trouble, monkeypatch: pytest.MonkeyPatch) -> Ran:
    disk = Disk(home)
    disk.deaf = True
    vfs = RecordedVfs(f"failing-{next(_names)}", disk, trouble)
    with monkeypatch.context() as patched:
        patched.setattr(sqlite, "sqlite_module", lambda: ApswModule(vfs.name))
        ran = ingest(home)
    end_process(disk)
    vfs.unregister()
    return ran


@pytest.mark.parametrize("failed_sync", [1, 2])
def test_a_failed_sync_is_one_line_and_exit_code_5(
    home: Path, failed_sync: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = on_a_failing_disk(home, Trouble(failed_sync=failed_sync), monkeypatch)
    assert ran.code == 5
    assert "Traceback" not in ran.err
    (line,) = [line for line in ran.err.splitlines() if line]
    assert line.startswith("tieout: the disk failed (disk I/O error)")
    assert "repeat the command: nothing is counted twice" in line
    assert ran.out == "", "nothing is reported as done"
    assert (home / f"log.db{MARK_SUFFIX}").exists()
    again = ingest(home)
    assert again.code == 0, again.err
    (report,) = json.loads(again.out)
    stored_before = report["duplicate"]
    assert report["accepted"] + stored_before == EVENTS
    assert stored_before in (0, EVENTS), "a batch is stored whole or not at all"
    assert not (home / f"log.db{MARK_SUFFIX}").exists()
    assert in_process("verify", "--home", str(home)).code == 0
    tally.injected()


def test_no_room_is_one_line_and_exit_code_5(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = on_a_failing_disk(home, Trouble(full_at_write=1, full_for=10**6), monkeypatch)
    assert ran.code == 5
    (line,) = [line for line in ran.err.splitlines() if line]
    assert "disk is full" in line
    assert not (home / f"log.db{MARK_SUFFIX}").exists(), "a full disk holds what it took"
    again = ingest(home)
    assert again.code == 0, again.err
    assert json.loads(again.out)[0]["accepted"] == EVENTS
    tally.injected()
