"""A full disk while files are read: a clear refusal, whole batches only, and the same command finishes later.

The home lies on a small file system of its own, which root may mount; where that is not allowed, the tests
are skipped and say so.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.small_home import make_home
from tests.surface.conftest import Ran, in_process
from tests.surface.served import event, eventually, make_served, ndjson
from tieout.flows import file_pieces, file_stretches
from tieout.store.log.index import levels

EVENTS = 30_000
MEBIBYTE = 1_048_576
ROOM = 24 * MEBIBYTE
SHARED_MEMORY = 64 * 1024
"""What SQLite allocates beside its two databases before it reads the first row."""
BLOCK = 256 * 1024
LEFT_FREE = [kibibytes * 1024 for kibibytes in (128, 1024, 2560, 4096, 4608)]
"""Where the disk runs full: in the first batch, in later ones and index files, in the segments."""


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty folder with ROOM bytes of disk to itself."""
    folder = tmp_path_factory.mktemp("disk")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system cannot be mounted here (that takes root)")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home without events, and beside it a file of EVENTS events."""
    folder = tmp_path_factory.mktemp("made")
    make_home(folder / "home")[0].close()
    (folder / "usage.ndjson").write_text("".join(line(number) for number in range(EVENTS)))
    return folder


def line(number: int) -> str:
    return (
        json.dumps(
            {
                "specversion": "1.0",
                "source": "gateway",
                "id": f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}",
                "type": "api.call",
                "subject": "key-acme",
                "time": f"2026-01-{1 + number % 28:02d}T12:{number % 60:02d}:00Z",
                "data": {"tokens": number},
            }
        )
        + "\n"
    )


@pytest.mark.parametrize("left_free", LEFT_FREE)
def test_a_full_disk_stops_the_reading_and_nothing_else(
    made: Path, disk: Path, left_free: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (file_pieces, file_stretches):
        monkeypatch.setattr(module, "BLOCK_BYTES", BLOCK)
    monkeypatch.setattr(file_pieces, "PIECE_BYTES", BLOCK)
    monkeypatch.setattr(levels, "RUN_BATCHES", 8)
    home, filler = disk / "home", disk / "filler"
    shutil.rmtree(home, ignore_errors=True)
    filler.unlink(missing_ok=True)
    shutil.copytree(made / "home", home)
    fill(filler, left_free=left_free)
    usage = str(made / "usage.ndjson")
    ran = in_process("ingest", usage, "--home", str(home), "--json")
    assert_unavailable(ran)
    if free_bytes(disk) >= SHARED_MEMORY:
        readable(home)
    filler.unlink()
    before = verified(home)
    assert before["received"] == before["accepted"] <= EVENTS
    ran = in_process("ingest", usage, "--home", str(home), "--json")
    assert ran.code == 0, ran.err
    (report,) = ran.json
    assert (report["accepted"], report["duplicate"]) == (EVENTS - before["accepted"], before["accepted"])
    assert verified(home)["accepted"] == EVENTS
    left = [path.name for path in home.rglob("*.new")]
    assert left == []


@pytest.mark.parametrize("verb", ["list", "ingest"])
def test_a_disk_without_a_free_byte_is_said(  # SQLite needs a little room even to read a WAL
    made: Path, disk: Path, verb: str
) -> None:
    home, filler = disk / "home", disk / "filler"
    shutil.rmtree(home, ignore_errors=True)
    filler.unlink(missing_ok=True)
    shutil.copytree(made / "home", home)
    fill(filler, left_free=0)
    arguments = ("ingest", str(made / "usage.ndjson")) if verb == "ingest" else ("invoice", "list")
    assert_unavailable(in_process(*arguments, "--home", str(home), "--json"))
    filler.unlink()
    assert in_process("verify", "--home", str(home)).code == 0


def free_bytes(folder: Path) -> int:
    room = os.statvfs(folder)
    return room.f_bavail * room.f_frsize


def fill(filler: Path, *, left_free: int) -> None:
    with filler.open("ab") as file:
        file.write(b"x" * (free_bytes(filler.parent) - left_free))
    assert free_bytes(filler.parent) <= left_free


def assert_unavailable(ran: Ran) -> None:
    assert ran.code == 5, ran.err
    assert "Traceback" not in ran.err
    said = [line for line in ran.err.splitlines() if line.startswith("tieout: ")]
    assert len(said) == 1
    assert "disk is full" in said[0] or "No space left" in said[0]


def readable(home: Path) -> None:
    """Whatever the disk, what is stored can be read."""
    for verb in (("invoice", "list"), ("quarantine", "list"), ("usage", "acme"), ("verify",)):
        ran = in_process(*verb, "--home", str(home), "--json")
        assert ran.code == 0, (verb, ran.err)


def verified(home: Path) -> dict[str, int]:
    ran = in_process("verify", "--home", str(home), "--json")
    assert ran.code == 0, ran.err
    return {name: ran.json[name] for name in ("received", "accepted")}


def test_a_server_on_a_full_disk_says_so_to_each_client_and_goes_on_when_there_is_room(disk: Path) -> None:
    """No client is left waiting, the operator reads one line a time, and nothing acknowledged is lost."""
    home, filler = disk / "served", disk / "filler"
    filler.unlink(missing_ok=True)
    for left in disk.iterdir():
        shutil.rmtree(left)
    served = make_served(home)
    served.start()
    assert served.receipt(ndjson([event("before")]))["accepted"] == 1
    fill(filler, left_free=0)
    for process in served.processes():
        os.kill(process, signal.SIGKILL)
    for name in ("log.db-shm", "books.db-shm"):
        os.truncate(home / name, 0)
    fill(filler, left_free=0)  # whoever starts now has no room for SQLite's shared memory
    statuses: list[int] = []
    until = time.monotonic() + 12
    while time.monotonic() < until:
        items = [event(f"full-{len(statuses)}-{number}") for number in range(900)]
        statuses.append(served.post(ndjson(items)).status_code)
    assert set(statuses) <= {200, 429, 503}
    assert 503 in statuses
    filler.unlink()
    eventually(lambda: served.post(ndjson([event("after")])).status_code == 200, seconds=20)
    assert served.stop() == 0
    assert "Traceback" not in "".join(served.told), "".join(served.told)[:2000]
    acknowledged = 2 + 900 * statuses.count(200)
    assert served.verified().accepted >= acknowledged
