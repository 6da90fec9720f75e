"""kill -9 of the process that follows the log, at each of its named points: what is left is exact, and the
next one goes on from there. A file that was thrown away or damaged is built again.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.closers import Closers, closers_started
from tests.small_home import call, ingest, make_home
from tieout.aggregate.snapshot import Snapshot
from tieout.flows.home import Home
from tieout.flows.live_usage import LiveUsageReader
from tieout.flows.read_log import read_log
from tieout.flows.retract_event import Decision, retract_event
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import parse_instant
from tieout.ports import LogManifest

NOW = parse_instant("2026-01-20T12:00:00Z")
POINTS = ("live-added", "live-states-written", "live-advancing", "live-advanced")


@pytest.fixture(scope="module")
def closers() -> Iterator[Closers]:
    with closers_started() as started:
        yield started


Follow = Callable[..., int]


@pytest.fixture
def follow(closers: Closers) -> Follow:
    def followed(folder: Path, crash: str | None = None) -> int:
        return closers.close(folder, follow=True, now=[int(NOW)], crash_at=crash)

    return followed


def agrees(home: Home, *, kept: bool) -> None:
    """What is answered is what the engine counts at the same watermark."""
    reader = LiveUsageReader(home)
    for customer in ("acme", "birch"):
        live = reader.usage(CustomerId(customer))
        requests = [each.request for each in reader.plan(CustomerId(customer)).wanted]

        def counted(manifest: LogManifest, requests: list = requests) -> list:  # type: ignore[type-arg]
            return home.engine.measure_each(requests, manifest)

        assert list(live.snapshots) == read_log(home, counted, watermark=live.watermark)
        assert all(isinstance(each, Snapshot) for each in live.snapshots)
        assert live.kept or not kept
        if kept:
            assert live.watermark == home.log.head()


@pytest.mark.parametrize("crash", [f"{point}:{time}" for point in POINTS for time in (1, 2)])
def test_killed_anywhere_the_next_one_goes_on(tmp_path: Path, follow: Follow, crash: str) -> None:
    home, _ = make_home(tmp_path / "home", now=NOW)
    with home:
        assert follow(home.folder) == 0
        for number in range(6):
            some = [call(10 * number + n, "acme", f"2026-01-1{n}T12:00:00Z", tokens=7) for n in range(3)]
            ingest(home, some, f"{number}.ndjson")
        retract_event(home, source="gateway", event_id="e11", decision=Decision("a test", "Ada"))
        if crash.startswith("live-added"):  # rows are added where nothing is kept yet
            for file in home.folder.glob("live-[0-9]*"):
                file.unlink()
            crash = "live-added"
        assert follow(home.folder, crash) == -signal.SIGKILL
        agrees(home, kept=False)
        assert follow(home.folder) == 0
        agrees(home, kept=True)


@pytest.mark.parametrize("damage", ["lost", "flipped", "foreign", "cut"])
def test_what_cannot_be_trusted_is_built_again(tmp_path: Path, follow: Follow, damage: str) -> None:
    home, _ = make_home(tmp_path / "home", now=NOW)
    with home:
        ingest(home, [call(n, "acme", "2026-01-10T12:00:00Z") for n in range(5)])
        assert follow(home.folder) == 0
        (file,) = home.folder.glob("live-[0-9]*.db")
        content = file.read_bytes()
        if damage == "lost":
            file.unlink()
        elif damage == "flipped":
            place = content.index(b"[5,0,0,")
            file.write_bytes(content[: place + 1] + b"6" + content[place + 2 :])
        elif damage == "foreign":
            file.write_bytes(content.replace(home.home_id.encode(), home.home_id[:-1].encode() + b"_"))
        else:
            file.write_bytes(content[: len(content) // 2])
        agrees(home, kept=False)
        assert follow(home.folder) == 0
        ingest(home, [call(9, "acme", "2026-01-10T12:00:00Z")], "more.ndjson")
        assert follow(home.folder) == 0
        agrees(home, kept=True)
