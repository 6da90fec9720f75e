"""The keeper: one at a time, another takes over when it is killed, readers of older manifests start again,
and the write-ahead log stays short.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.logs import NOW, event, ndjson, open_log, send
from tests.small_home import call, ingest, january, make_home
from tieout.flows import keep_log as keeping
from tieout.flows.keep_log import Round, keep_log, keep_once
from tieout.flows.read_log import read_log
from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.instant import Instant
from tieout.ports import LogManifest, UnreadableSegment
from tieout.store.log import wal
from tieout.store.log.segments import tiers

HOUR = 3_600_000_000


def many() -> list[dict[str, object]]:
    """More events than a keeper waits for."""
    return [call(number, "acme", f"2026-01-10T12:{number % 60:02}:00Z") for number in range(9_000)]


def start_keeper(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tieout.cli", "compact", "--keep", "--json", "--home", str(folder)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
    )


def wait_until(what: str, condition) -> None:  # type: ignore[no-untyped-def] # a callable of the test
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, what
        time.sleep(0.05)


def test_two_keepers_one_keeps_and_the_other_takes_over(tmp_path: Path) -> None:
    """By their processes: the first is killed, the second goes on, and ends when it is told to."""
    home, _ = make_home(tmp_path / "home")
    first = start_keeper(tmp_path / "home")
    wait_until("the first keeps", lambda: is_kept(home))
    second = start_keeper(tmp_path / "home")
    ingest(home, many(), "january.ndjson")
    wait_until("compacted", lambda: len(home.log.manifest().segments) == 1)
    assert not home.log.manifest().tail
    first.send_signal(signal.SIGKILL)
    first.wait(20)
    wait_until("the second keeps", lambda: is_kept(home))
    second.send_signal(signal.SIGTERM)
    told, _ = second.communicate(timeout=30)
    assert second.returncode == 0
    kept = json.loads(told)
    assert kept["rounds"] >= 1 and kept["failures"] == 0
    assert home.log.verify().findings == ()
    home.close()


def is_kept(home) -> bool:  # type: ignore[no-untyped-def] # a Home
    with home.log.keeping() as free:
        return not free


def test_a_keeper_stops_when_it_is_told_and_tells_its_rounds(tmp_path: Path) -> None:
    home, _ = make_home(tmp_path / "home")
    ingest(home, many(), "january.ndjson")
    rounds: list[Round] = []
    kept = keep_log(home, stop=lambda: len(rounds) >= 3, pause_seconds=0, told=rounds.append)
    assert kept.rounds == 3 and kept.compacted == 1
    assert [told.done.busy for told in rounds] == [False] * 3
    home.close()


def test_a_damaged_segment_stops_merging_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiers, "FAN_OUT", 2)
    home, _ = make_home(tmp_path / "home")
    ingest(home, january(5), "a.ndjson")
    keep_once(home, rows_min=1)
    (path,) = (tmp_path / "home" / "segments").rglob("*.parquet")
    content = path.read_bytes()
    path.write_bytes(content[:-9] + b"x" + content[-8:])
    ingest(home, january(9), "b.ndjson")
    told = keep_once(home, rows_min=1)
    assert isinstance(told.failure, IntegrityViolation) and path.name in str(told.failure)
    assert len(home.log.manifest().segments) == 2, "what came is compacted all the same"
    path.write_bytes(content)
    assert keep_once(home, rows_min=1).done.merged == 1
    assert home.log.verify().findings == ()
    home.close()


def test_a_reader_whose_segment_was_merged_away_starts_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiers, "FAN_OUT", 2)
    home, clock = make_home(tmp_path / "home")
    ingest(home, january(5), "a.ndjson")
    keep_once(home, rows_min=1)
    seen: list[tuple[str, ...]] = []

    def compute(manifest: LogManifest) -> int:
        seen.append(tuple(segment.path for segment in manifest.segments))
        if len(seen) == 1:  # meanwhile it is merged, and more than fifteen minutes pass
            ingest(home, january(9), "b.ndjson")
            keep_once(home, rows_min=1)
            clock.set_to(Instant(clock.now() + HOUR))
            keep_once(home, rows_min=1)
        for segment in manifest.segments:
            if not Path(segment.path).exists():
                raise UnreadableSegment(segment.path, "No such file or directory")
        return int(manifest.watermark)

    assert read_log(home, compute) == 1, "as of the same watermark"
    assert len(seen) == 2 and not set(seen[0]) & set(seen[1])
    home.close()


def test_damage_that_stays_is_raised(tmp_path: Path) -> None:
    home, _ = make_home(tmp_path / "home")
    tries: list[int] = []

    def compute(manifest: LogManifest) -> int:
        tries.append(int(manifest.watermark))
        raise UnreadableSegment("one", "damaged")

    with pytest.raises(UnreadableSegment):
        read_log(home, compute)
    assert len(tries) == 2
    home.close()


def test_the_write_ahead_log_is_shortened_between_commits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wal, "WAL_BYTES_TRUNCATE", 1_000_000)
    log, engine = open_log(tmp_path)
    with engine.connect() as reader:
        reader.exec_driver_sql("SELECT count(*) FROM batches").scalar()
        for number in range(30):
            send(log, ndjson([event(f"e{number}-{place}", subject=f"team-{place}") for place in range(900)]))
        assert log.wal_bytes() > 1_000_000
        held = log.checkpoint()
        assert held == log.wal_bytes() > 1_000_000, "a reader holds it"
    assert log.checkpoint() == log.wal_bytes() == 0
    assert log.verify().findings == ()
    engine.dispose()


def test_a_long_write_ahead_log_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, _ = make_home(tmp_path / "home")
    monkeypatch.setattr(type(home.log), "checkpoint", lambda _: keeping.WAL_BYTES_ALERT + 1)
    assert keep_once(home).wal_is_long
    home.close()


def test_retired_bodies_are_deleted_a_few_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tieout.store.log.segments import retire

    turns: list[int] = []
    original = retire.turn

    def counted(*arguments: object):  # type: ignore[no-untyped-def] # passes on what it is given
        turns.append(1)
        return original(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(retire, "turn", counted)
    monkeypatch.setattr(retire, "RETIRED_BYTES_PER_TRANSACTION", 3_000)
    log, engine = open_log(tmp_path)
    send(log, *[ndjson([event(f"e{number}-{place}") for place in range(20)]) for number in range(16)])
    log.compact(rows_min=1)
    engine.dispose()
    turns.clear()
    log, engine = open_log(tmp_path, now=Instant(NOW + HOUR))
    assert log.maintain().removed >= 16
    assert len(turns) >= 8
    engine.dispose()
