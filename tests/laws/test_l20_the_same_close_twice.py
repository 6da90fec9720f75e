"""L20: a close gives the same bytes in another home, whatever the seed of hashes, the workers that draft,
the transactions that it seals in, and the batches and segments in which the same events lie.
"""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from tests.faults.close_laws import documents_of
from tests.faults.closers import closers_started
from tests.replay_sets import ran
from tests.small_home import FEBRUARY_3, ingest, january, make_home
from tieout.flows import shared_drafts
from tieout.flows.close_periods import close
from tieout.flows.compact_log import compact_log
from tieout.flows.record_replay_set import record
from tieout.gateways.clock import SteppedClock
from tieout.wiring import open_home

PLACES = ("cutoff", "watermark")
"""What says where the log stood: another number where the same events came in other batches."""


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A home without events: copies of it have the same identity, keys and signed policy."""
    home, _ = make_home(tmp_path / "empty", now=FEBRUARY_3)
    home.close()
    return tmp_path / "empty"


def fed(empty: Path, name: str, *, files: int, compacted: bool) -> Path:
    """A copy with the same events, from so many files."""
    folder = empty.with_name(name)
    shutil.copytree(empty, folder)
    events = january(30)
    clock = SteppedClock(FEBRUARY_3)
    with open_home(folder, clock=clock) as home:
        for number in range(files):
            ingest(home, events[number::files], f"events-{number}.ndjson")
            if compacted:
                compact_log(home)
    return folder


def digests(
    folder: Path, *, hash_seed: str, rows: int, workers: int = 1, accounts_per_part: int = 1
) -> tuple[dict[str, str], dict[str, str]]:
    """Of the sealed documents as they are; and of them without the places in the log, and all snapshots."""
    with closers_started(PYTHONHASHSEED=hash_seed) as closers:
        told = closers.close(folder, rows=rows, workers=workers, accounts_per_part=accounts_per_part)
        assert told == 0
    with open_home(folder, clock=SteppedClock(FEBRUARY_3)) as home:
        documents = documents_of(home)
        snapshots = {
            each.id: f"{each.quantity} {each.event_count} {each.fingerprint} {each.predicate}"
            for each in home.books.invoices.snapshots()
        }
    plain = {id: sha256(document).hexdigest() for id, document in documents.items()}
    free = {id: _without_places(json.loads(document)) for id, document in documents.items()}
    return plain, free | snapshots


def _without_places(value: object) -> str:
    text = json.dumps(value, sort_keys=True)
    kept = json.loads(text, object_hook=lambda found: {k: v for k, v in found.items() if k not in PLACES})
    return sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def test_the_same_close_in_another_home_seals_the_same_bytes(empty: Path) -> None:
    once = fed(empty, "once", files=3, compacted=False)
    again = once.with_name("again")
    shutil.copytree(once, again)
    with open_home(again, clock=SteppedClock(FEBRUARY_3)) as home:
        compact_log(home)
    first = digests(once, hash_seed="1", rows=500)
    assert digests(again, hash_seed="2", rows=1) == first
    assert len(first[0]) == 3


@pytest.mark.parametrize(("workers", "accounts_per_part"), [(2, 1), (3, 1), (5, 1), (2, 2), (3, 100)])
def test_any_number_of_workers_and_size_of_parts_seals_the_same_bytes(
    empty: Path, workers: int, accounts_per_part: int
) -> None:
    alone = fed(empty, "alone", files=2, compacted=True)
    shared = alone.with_name("shared")
    shutil.copytree(alone, shared)
    first = digests(alone, hash_seed="5", rows=500, workers=1)
    again = digests(shared, hash_seed="6", rows=30, workers=workers, accounts_per_part=accounts_per_part)
    assert again == first
    assert len(first[0]) == 3


def test_the_same_events_in_other_batches_and_segments_give_the_same_quantities_and_amounts(
    empty: Path,
) -> None:
    first = digests(fed(empty, "few", files=1, compacted=False), hash_seed="3", rows=500)
    other = digests(fed(empty, "many", files=7, compacted=True), hash_seed="4", rows=30)
    assert other[1] == first[1]
    assert other[0] != first[0], "the watermark is on the paper"


def test_a_recorded_period_replays_to_the_same_digest_each_time_and_with_any_number_of_workers(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = fed(empty, "recorded", files=2, compacted=True)
    with open_home(folder, clock=SteppedClock(FEBRUARY_3)) as home:
        close(home, as_of=FEBRUARY_3)
        record(home, tmp_path / "set", name="january")
    first = ran(tmp_path / "set")
    assert first.differences == ()
    assert first.lines == 12
    monkeypatch.setattr(shared_drafts, "SHARED_MIN", 1)
    monkeypatch.setattr(shared_drafts, "ACCOUNTS_PER_PART", 1)
    for workers in (1, 3):
        again = ran(tmp_path / "set", workers=workers)
        assert again.result == first.result
        assert again.digests == first.digests
