"""A release or an erasure killed at any point is done whole or not at all, and done by trying again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.faults.log_writer import processes
from tests.laws.test_l1_releases import DECISION, broken, opened, readmission
from tests.logs import BOOK, event, ndjson, send
from tieout.kernel.ids import Position
from tieout.ports.review import AlreadyDecided, ItemState, QuarantineQuery

RELEASE_POINTS = (
    *("release-before-commit", "ingest-before-commit"),
    *("ingest-after-commit", "release-after-commit"),
)
ERASE_POINTS = ("erase-after-files", "erase-before-commit", "erase-after-commit")
DECISION_POINTS = (*RELEASE_POINTS, *ERASE_POINTS)
SECRET = "Xanthippe-Quobble-7731"
KILLED = -9


def release_one(folder: Path, crash_at: str | None) -> None:
    if crash_at is not None:
        os.environ["CRASH_AT"] = crash_at
    _, review = opened(folder)
    review.readmit(BOOK, [readmission(review, Position(1, 0))], DECISION)


def erase_one(folder: Path, crash_at: str | None) -> None:
    if crash_at is not None:
        os.environ["CRASH_AT"] = crash_at
    _, review = opened(folder)
    review.erase(Position(1, 0), {}, DECISION)


def run(target: object, folder: Path, crash_at: str | None) -> int | None:
    process = processes().Process(target=target, args=(folder, crash_at))  # type: ignore[arg-type]
    process.start()
    process.join(60)
    return process.exitcode


@pytest.mark.parametrize("point", RELEASE_POINTS)
def test_a_killed_release_happened_once_or_not_at_all(tmp_path: Path, point: str) -> None:
    log, review = opened(tmp_path)
    send(log, ndjson([broken(0), event("fine")]))
    assert run(release_one, tmp_path, point) == KILLED
    stored = "after" in point
    (item,) = [found for found in review.items(QuarantineQuery()) if found.item.position == Position(1, 0)]
    assert (item.state is ItemState.RELEASED) == stored
    assert log.head() == (2 if stored else 1)
    if stored:
        with pytest.raises(AlreadyDecided):
            review.readmit(BOOK, [readmission(review, Position(1, 0))], DECISION)
    else:
        assert run(release_one, tmp_path, None) == 0
    assert log.head() == 2 and log.verify().findings == ()


@pytest.mark.parametrize("point", ERASE_POINTS)
def test_a_killed_erasure_is_finished_by_erasing_again(tmp_path: Path, point: str) -> None:
    log, review = opened(tmp_path)
    send(log, ndjson([event(SECRET, 1), *(event(f"e{n}", n) for n in range(20))]))
    log.compact(rows_min=1)
    send(log, ndjson([event(SECRET, 1), event("later")]))
    assert run(erase_one, tmp_path, point) == KILLED
    assert log.verify().findings == ()
    erased = review.erasure(Position(1, 0)) is not None
    assert erased == (point == "erase-after-commit")
    assert run(erase_one, tmp_path, None) == 0
    assert log.verify().findings == ()
    named = {path.name for path in (tmp_path / "segments").rglob("*.parquet")}
    assert len(named) == len(log.manifest().segments), "what no row names was collected"
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path
    assert sum(t.items for t in log.tallies() if t.verdict == 0) == 22
