"""The benches of a large log, at a small size: events as promised, builds that go on, rows that compare."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench import build as build_module
from bench.build import build, open_at
from bench.event_blocks import CUSTOMERS, block
from bench.events import EVENT_BYTES
from bench.index_lookups import measure as measure_lookups
from bench.scale import compare

ROOT = Path(__file__).resolve().parents[2]
ROWS = 400


def test_blocks_are_the_same_whenever_they_are_made_and_their_ids_unique() -> None:
    first = [block(number, blocks=3, seed=7, rows=2_000).tobytes() for number in range(3)]
    assert first == [block(number, blocks=3, seed=7, rows=2_000).tobytes() for number in range(3)]
    assert first[0] != block(0, blocks=3, seed=8, rows=2_000).tobytes()
    lines = b"".join(first).splitlines()
    events = [json.loads(line) for line in lines]
    assert {len(line) for line in lines} == {EVENT_BYTES}
    assert len({event["id"] for event in events}) == 6_000
    assert {event["id"][14] + event["id"][19] for event in events} == {"48", "49", "4a", "4b"}
    assert max(int(event["subject"][-5:]) for event in events) < CUSTOMERS
    times = [event["time"] for event in events]
    assert times != sorted(times) and times[0] < "2026-01-01T01" and max(times) > "2026-03-31T20"


def test_a_build_that_was_stopped_goes_on_and_more_can_be_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_module, "ROWS", ROWS)
    monkeypatch.setattr(build_module, "BLOCKS_AT_ONCE", 2)
    with monkeypatch.context() as patched:
        done: list[int] = []

        def killed_in_the_third(folder: Path, built: build_module.Built) -> None:
            done.append(built.done)
            if len(done) == 3:
                raise KeyboardInterrupt
            record(folder, built)

        record = build_module.record_built
        patched.setattr(build_module, "record_built", killed_in_the_third)
        with pytest.raises(KeyboardInterrupt):
            build(tmp_path, 5 * ROWS, workers=1)
    assert build(tmp_path, 5 * ROWS, workers=1).events == 5 * ROWS
    built = build(tmp_path, 5 * ROWS + 1, workers=1)
    with open_at(tmp_path, built) as home:
        assert home.log.verify().accepted == built.events == 6 * ROWS


def test_a_small_run_gives_the_rows_of_its_size(tmp_path: Path) -> None:
    output = tmp_path / "rows.json"
    command = [sys.executable, "-m", "bench.scale", "--sizes", "30000", "--measured", "3000"]
    ended = subprocess.run(
        [*command, "--folder", str(tmp_path / "log"), "--output", str(output), "--workers", "1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    rows = json.loads(output.read_text())
    names = ["ingest", "ingest_and_compact", "http_1000", "serve_start", "stored", "recovery", "peak_memory"]
    assert [row["name"] for row in rows] == [f"scale_{name}_0.03m" for name in names]
    assert all(set(row) == {"name", "value", "unit"} and row["value"] > 0 for row in rows)
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith("-copy")] == []


def test_each_size_is_compared_with_the_smallest() -> None:
    rows = [
        {"name": f"{name}_{size}", "value": value, "unit": "u"}
        for size, value in (("1m", 4), ("10m", 2))
        for name in ("rate", "size")
    ]
    compared = compare(rows)
    assert compared[:2] == rows[:2]
    assert compared[2] == rows[2] | {"peer": "rate_1m", "peer_value": 4, "ratio": 0.5}


def test_the_index_alone_is_measured(tmp_path: Path) -> None:
    names = [str(row["name"]) for row in measure_lookups(tmp_path / "index", 70_000)]
    assert names[:2] == ["index_filing_at_70000", "index_lookup_of_35000_at_70000"]
