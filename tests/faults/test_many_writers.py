"""Many processes write one log at once: every identity is accepted exactly once, in one gapless chain."""

from __future__ import annotations

import random
from collections import Counter
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.faults.log_writer import processes
from tests.logs import NOW, contract, counts, event, ndjson, open_log, send
from tieout.ingest.verdict import Verdict
from tieout.kernel.ids import EventType, Subject
from tieout.kernel.period import Period
from tieout.store.log import schema
from tieout.store.log.index import levels
from tieout.store.log.index.index import IndexBehind

WRITERS = 6
BLOCKS_EACH = 8
IDENTITIES = 240
ITEMS_PER_BLOCK = 40


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str | None:
    """None for a SQLite file; else an empty database of the server."""
    return None if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


def write(folder: Path, url: str | None, writer: int, together: Barrier) -> None:
    """Sends identities that all writers send, each writer in its own order and its own blocks.

    The content of one identity in five depends on the writer, so that all but one contradict the log.
    """
    generator = random.Random(writer)
    identities = [generator.randrange(IDENTITIES) for _ in range(BLOCKS_EACH * ITEMS_PER_BLOCK)]
    log, engine = open_log(folder, url=url)
    together.wait(60)
    for number in range(BLOCKS_EACH):
        chosen = identities[number * ITEMS_PER_BLOCK : (number + 1) * ITEMS_PER_BLOCK]
        send(log, ndjson([event(f"e{n}", tokens_of(n, writer)) for n in chosen]))
        if number % 3 == writer % 3:
            log.compact(rows_min=1)
    engine.dispose()


def tokens_of(number: int, writer: int) -> int:
    return number * 100 + (writer if number % 5 == 0 else 0)


def test_every_identity_is_accepted_exactly_once(tmp_path: Path, url: str | None) -> None:
    open_log(tmp_path, url=url)[1].dispose()
    context = processes()
    together = context.Barrier(WRITERS)
    writers = [context.Process(target=write, args=(tmp_path, url, n, together)) for n in range(WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert [writer.exitcode for writer in writers] == [0] * WRITERS
    log, engine = open_log(tmp_path, url=url)
    report = log.verify()
    assert report.findings == ()
    sent = [set(range(IDENTITIES)) & identities_of(writer) for writer in range(WRITERS)]
    everyone = set().union(*sent)
    span = {Subject("team-1"): [Period(contract().effective_from, NOW)]}
    stored = list(log.events(span, frozenset({EventType("llm.request")}), watermark=log.head()))
    assert sorted(item.event.id for item in stored) == sorted(f"e{n}" for n in everyone)
    for item in stored:
        number = int(item.event.id[1:])
        assert item.event.fields["tokens"] in {
            tokens_of(number, writer) for writer in range(WRITERS) if number in sent[writer]
        }
    tallied: Counter[Verdict] = Counter()
    for tally in log.tallies():
        tallied[tally.verdict] += tally.items
    assert tallied.total() == WRITERS * BLOCKS_EACH * ITEMS_PER_BLOCK, "law L1"
    assert tallied[Verdict.ACCEPTED] == len(everyone)
    assert tallied[Verdict.CONFLICT] == len(log.quarantine(reason=None, limit=10_000))
    assert tallied[Verdict.QUARANTINED] == 0
    with engine.connect() as connection:
        numbers = list(connection.execute(select(schema.batches.c.number).order_by("number")).scalars())
    assert numbers == list(range(1, WRITERS * BLOCKS_EACH + 1)), "batch numbers are gapless"
    again = send(log, ndjson([event(f"e{n}", tokens_of(n, 0)) for n in sorted(everyone)]))
    assert (Verdict.ACCEPTED, 0) not in again.counts
    engine.dispose()


def identities_of(writer: int) -> set[int]:
    generator = random.Random(writer)
    return {generator.randrange(IDENTITIES) for _ in range(BLOCKS_EACH * ITEMS_PER_BLOCK)}


def test_a_writer_that_slept_through_a_compaction_still_knows_every_identity(
    tmp_path: Path, url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compaction removes key entries that run files hold; who has not read them yet finds them there."""
    monkeypatch.setattr(levels, "RUN_BATCHES", 8)
    blocks = [ndjson([event(f"e{n}-{m}") for m in range(5)]) for n in range(20)]
    sleeper, engine = open_log(tmp_path, url=url)
    send(sleeper, blocks[0])
    awake, other = open_log(tmp_path, url=url)
    for upto in (7, 12, 20):
        send(awake, *blocks[:upto])
        awake.compact(rows_min=1)
        assert counts(send(sleeper, *blocks[:upto])) == {"duplicate": 5 * upto}
    assert sleeper.verify().findings == ()
    engine.dispose()
    other.dispose()


def test_a_writer_whose_index_files_were_removed_refuses_and_a_new_one_rebuilds_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To go on without them would accept what was accepted before."""
    monkeypatch.setattr(levels, "RUN_BATCHES", 8)
    blocks = [ndjson([event(f"e{n}-{m}") for m in range(5)]) for n in range(8)]
    sleeper, engine = open_log(tmp_path)
    send(sleeper, ndjson([{"no": "event"}]))
    awake, other = open_log(tmp_path)
    send(awake, *blocks)
    awake.compact(rows_min=1)
    for path in (tmp_path / "index").glob("*.run"):
        path.unlink()
    with pytest.raises(IndexBehind) as refusal:
        send(sleeper, blocks[0])
    assert refusal.value.exit_code == 5
    again, third = open_log(tmp_path)
    assert counts(send(again, *blocks)) == {"duplicate": 40}
    for each in (engine, other, third):
        each.dispose()
