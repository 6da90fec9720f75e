"""Other processes prepare what this one would, however they are started, and whatever the size of a block."""

from __future__ import annotations

import json
import multiprocessing
import threading
from pathlib import Path

import pytest

from tests.logs import BOOK, NOW, counts, event, ndjson, open_log, send
from tieout.store.log import mailbox, workers
from tieout.store.log.workers import Elsewhere, Here, Judgement, WorkersLost

JUDGEMENT = Judgement(BOOK, b"s" * 32, None)
BLOCKS = [ndjson([event(f"e{block}-{row}") for row in range(40)] + [{"no": block}]) for block in range(6)]


def prepared(preparing: Here | Elsewhere) -> list[tuple[object, ...]]:
    found = []
    with preparing:
        for block in BLOCKS:
            preparing.submit(block, NOW)
        while (one := preparing.take(wait_for_all=True)) is not None:
            bodies = [(body.type, body.contract_version, body.body) for body in one.bodies]
            found.append((one.received, one.keys.tolist(), one.digests.tobytes(), bodies, one.refused))
    return found


def test_forked_workers_prepare_what_this_process_would() -> None:
    assert prepared(Elsewhere(JUDGEMENT, 2)) == prepared(Here(JUDGEMENT))


def test_beside_a_thread_workers_are_started_afresh() -> None:
    """As beside the progress bar of a terminal: a fork could inherit a lock that nobody will ever release."""
    done = threading.Event()
    other = threading.Thread(target=done.wait)
    other.start()
    try:
        assert workers._start_method() == "forkserver"
        assert prepared(Elsewhere(JUDGEMENT, 2)) == prepared(Here(JUDGEMENT))
    finally:
        done.set()
        other.join()


def test_a_block_larger_than_a_slot_arrives_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "SLOT_BYTES", 1_000)
    assert prepared(Elsewhere(JUDGEMENT, 1)) == prepared(Here(JUDGEMENT))


def test_where_shared_memory_is_scarce_blocks_are_sent_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "SHARED_FOLDER", "/nowhere")
    assert prepared(Elsewhere(JUDGEMENT, 1)) == prepared(Here(JUDGEMENT))


def test_a_killed_worker_is_a_clear_refusal() -> None:
    with Elsewhere(JUDGEMENT, 1) as preparing:
        preparing.submit(BLOCKS[0], NOW)
        preparing.take(wait_for_all=True)
        for process in multiprocessing.active_children():
            process.kill()
        with pytest.raises(WorkersLost):
            preparing.submit(BLOCKS[1], NOW)
            preparing.take(wait_for_all=True)


def test_leaving_early_leaves_no_process_and_no_memory(tmp_path: Path) -> None:
    log, _ = open_log(tmp_path)
    intake_of = log.intake(BOOK, origin="f", default_source=None, workers=2)
    with pytest.raises(RuntimeError, match="the sender stopped"), intake_of as intake:
        intake.lines(BLOCKS[0])
        raise RuntimeError("the sender stopped")
    found = counts(send(log, BLOCKS[0]))
    assert found["quarantined"] == 1
    assert found.get("accepted", 0) + found.get("duplicate", 0) == 40
    assert json.loads(BLOCKS[0].splitlines()[-1]) == {"no": 0}
