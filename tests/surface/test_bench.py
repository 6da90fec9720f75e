"""The benchmark is a program like any other: its file is as promised, and a small run compares all three."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bench.contender import Outcome
from bench.events import EVENT_BYTES, write_events
from bench.postgres import contracts, copy_rows, share
from bench.run import compare

ROOT = Path(__file__).resolve().parents[2]


def test_the_same_seed_writes_the_same_unique_events_of_one_length(tmp_path: Path) -> None:
    one, two, other = (tmp_path / name for name in ("one", "two", "other"))
    write_events(one, count=3_000, seed=7)
    write_events(two, count=3_000, seed=7)
    write_events(other, count=3_000, seed=8)
    lines = one.read_bytes().splitlines()
    assert one.read_bytes() == two.read_bytes() != other.read_bytes()
    assert {len(line) for line in lines} == {EVENT_BYTES}
    assert len({json.loads(line)["id"] for line in lines}) == 3_000


def test_the_shares_of_the_clients_are_the_file(tmp_path: Path) -> None:
    file = tmp_path / "lines"
    file.write_bytes(b"".join(b"x" * (number % 17) + b"\n" for number in range(500)))
    for of in (1, 2, 3, 8):
        assert b"".join(line for number in range(of) for line in share(file, number, of)) == file.read_bytes()


def test_postgresql_is_given_the_values_that_were_sent(tmp_path: Path) -> None:
    file = tmp_path / "events"
    write_events(file, count=200, seed=1)
    sent = [json.loads(line) for line in file.read_bytes().splitlines()]
    rows = list(csv.reader(copy_rows(file.read_bytes(), contracts()).decode().splitlines()))
    numbers = [(int(row[6]), int(row[7])) for row in rows]
    assert [row[1] for row in rows] == [event["id"] for event in sent]
    assert numbers == [(event["data"]["input_tokens"], event["data"]["output_tokens"]) for event in sent]
    assert {len(row) for row in rows} == {8}


def test_rows_compare_medians() -> None:
    ours = [Outcome(seconds, 1_000, 1, 50_000) for seconds in (1.0, 2.0, 4.0)]
    peer = [Outcome(seconds, 1_000, 1, 100_000) for seconds in (8.0, 4.0, 5.0)]
    assert compare({"tieout": ours, "postgresql": peer}) == [
        {
            "name": "ingest_file",
            "value": 500,
            "unit": "events/s",
            "peer": "postgresql",
            "peer_value": 200,
            "ratio": 2.5,
        },
        {
            "name": "stored",
            "value": 50.0,
            "unit": "bytes/event",
            "peer": "postgresql",
            "peer_value": 100.0,
            "ratio": 0.5,
        },
    ]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not below pytest's own folders: a second run of it closes those to the user that PostgreSQL runs as."""
    with TemporaryDirectory(prefix="tieout-bench-") as name:
        yield Path(name) / "b"


def test_a_small_run_measures_every_contender(tmp_path: Path, folder: Path) -> None:
    output = tmp_path / "bench.json"
    command = [sys.executable, "-m", "bench.run", "--count", "5000", "--rounds", "1", "--workers", "2"]
    command += ["--charges", "2000"]
    ended = subprocess.run(
        [*command, "--folder", str(folder), "--output", str(output), "--no-close", "--sizes"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    rows = json.loads(output.read_text())
    compared, alone = [row for row in rows if "peer" in row], [row for row in rows if "peer" not in row]
    assert {row["peer"] for row in compared} == {
        "postgresql",
        "clickhouse",
        "clickhouse, from a file",
        "plain decimals",
    }
    assert all(set(row) == {"name", "value", "unit", "peer", "peer_value", "ratio"} for row in compared)
    assert [(row["name"], row["unit"]) for row in alone] == [
        ("compact", "events/s"),
        ("start_help", "s"),
        ("start_serve", "s"),
    ]
    assert all(set(row) == {"name", "value", "unit"} for row in alone)
    assert "synchronous_commit=on" in ended.stdout
    assert list(folder.iterdir()) == []
