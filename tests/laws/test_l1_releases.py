"""A release is a new arrival on both sides of law L1, and happens at most once, whoever tries."""

from __future__ import annotations

import json
from collections import Counter
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from tests.faults.log_writer import processes
from tests.logs import BOOK, NOW, SystemEntropy, event, ndjson, open_log, send
from tieout.ingest.decode_json import decode_item
from tieout.ingest.verdict import Verdict
from tieout.kernel.ids import Position
from tieout.ports.review import AlreadyDecided, Decision, ItemState, QuarantineQuery, Readmission
from tieout.store.log import schema
from tieout.store.log.log import SqlEventLog
from tieout.store.log.review import SqlLogReview

RELEASERS = 8
ITEMS = 6
DECISION = Decision("Ada", "tested", NOW)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str | None:
    """None for a SQLite file; else an empty database of the server."""
    return None if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


def opened(folder: Path, url: str | None = None) -> tuple[SqlEventLog, SqlLogReview]:
    log, engine = open_log(folder, url=url)
    return log, SqlLogReview(log, engine, folder, entropy=SystemEntropy())


def readmission(review: SqlLogReview, position: Position, raw: bytes | None = None) -> Readmission:
    found = review.item(position)
    assert found is not None
    content = found.item.raw if raw is None else raw
    return Readmission(
        position,
        content,
        decode_item(content, BOOK, received_at=NOW, default_source=None),
        lambda book: decode_item(content, book, received_at=NOW, default_source=None),
        "a release",
        1,
        "{}",
    )


def broken(number: int) -> dict[str, object]:
    return event(f"e{number}", data={"tokens": "many", "model": "small"})


def release_all(folder: Path, url: str | None, who: int, together: Barrier) -> None:
    """Tries to release every item, each corrected to content of its own; half of all discard instead."""
    _, review = opened(folder, url)
    together.wait(60)
    for number in range(ITEMS):
        position = Position(1, number)
        decision = Decision(f"person {who}", "raced", NOW)
        try:
            if (who + number) % 4 == 0:
                review.discard([position], decision)
            else:
                raw = json.dumps(event(f"e{number}", who)).encode()
                review.readmit(BOOK, [readmission(review, position, raw)], decision)
        except AlreadyDecided:
            continue


def test_eight_processes_release_each_item_once(tmp_path: Path, url: str | None) -> None:
    log, review = opened(tmp_path, url)
    send(log, ndjson([broken(number) for number in range(ITEMS)]))
    context = processes()
    together = context.Barrier(RELEASERS)
    racers = [
        context.Process(target=release_all, args=(tmp_path, url, who, together)) for who in range(RELEASERS)
    ]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(120)
    assert [racer.exitcode for racer in racers] == [0] * RELEASERS
    items = review.items(QuarantineQuery())
    assert len(items) == ITEMS and all(found.outcome is not None for found in items)
    released = [found for found in items if found.state is ItemState.RELEASED]
    tallied: Counter[Verdict] = Counter()
    for tally in log.tallies():
        tallied[tally.verdict] += tally.items
    assert tallied == Counter({Verdict.QUARANTINED: ITEMS, Verdict.ACCEPTED: len(released)})
    new = [found.outcome.new for found in released if found.outcome is not None]
    assert len(set(new)) == len(released)
    for found in released:
        assert found.outcome is not None and found.outcome.new is not None
        assert review.released_from(found.outcome.new) == found.item.position
        stored = log.event_at(found.outcome.new)
        assert (
            stored is not None and f"person {stored.event.fields['tokens']}" == found.outcome.decision.person
        )
    assert log.verify().findings == ()


def test_a_refused_release_stores_nothing(tmp_path: Path, url: str | None) -> None:
    log, review = opened(tmp_path, url)
    send(log, ndjson([broken(1), broken(2)]))
    review.discard([Position(1, 1)], DECISION)
    both = [readmission(review, Position(1, row)) for row in (0, 1)]
    with pytest.raises(AlreadyDecided) as refusal:
        review.readmit(BOOK, both, DECISION)
    assert refusal.value.exit_code == 4 and "b1.r1 was discarded by Ada" in str(refusal.value)
    assert log.head() == 1 and review.items(QuarantineQuery(state=ItemState.OPEN))[0].item.position.row == 0
    with pytest.raises(AlreadyDecided):
        review.discard([Position(1, 0), Position(1, 1)], DECISION)
    assert len(review.items(QuarantineQuery(state=ItemState.DISCARDED))) == 1
    assert log.verify().findings == ()


ACTS = st.tuples(
    st.sampled_from(["release", "correct", "discard", "conflict"]), st.integers(0, 3), st.integers(0, 2)
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=st.lists(ACTS, max_size=12))
def test_the_workplace_equals_a_dictionary(
    acts: list[tuple[str, int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Every verdict and every decision, told beforehand by a dictionary of contents and a set of items."""
    log, review = opened(tmp_path_factory.mktemp("log"))
    send(log, ndjson([broken(number) for number in range(4)]))
    decided: set[int] = set()
    contents: dict[str, int] = {}
    expected: Counter[str] = Counter({"quarantined": 4})
    for act, number, tokens in acts:
        position = Position(1, number)
        id = "e0" if act == "conflict" else f"e{number}"
        raw = None if act == "release" else json.dumps(event(id, tokens)).encode()
        try:
            if act == "discard":
                review.discard([position], DECISION)
            else:
                (done,) = review.readmit(BOOK, [readmission(review, position, raw)], DECISION)
        except AlreadyDecided:
            assert number in decided
            continue
        assert number not in decided
        decided.add(number)
        if act == "discard":
            continue
        if raw is None:
            verdict = "quarantined"
        else:
            verdict = (
                "accepted" if id not in contents else "duplicate" if contents[id] == tokens else "conflict"
            )
            contents.setdefault(id, tokens)
        expected[verdict] += 1
        assert done.fate.verdict.name.lower() == verdict
    tallied: Counter[str] = Counter()
    for tally in log.tallies():
        tallied[tally.verdict.name.lower()] += tally.items
    assert tallied == expected
    assert log.verify().findings == ()


def test_verify_names_decisions_that_do_not_fit_the_log(tmp_path: Path) -> None:
    log, engine = open_log(tmp_path)
    review = SqlLogReview(log, engine, tmp_path, entropy=SystemEntropy())
    send(log, ndjson([broken(1), broken(2), event("fine")]))
    review.readmit(BOOK, [readmission(review, Position(1, 0))], DECISION)
    outcomes = schema.quarantine_outcomes
    changes = (
        outcomes.update().values(new_row=7),
        outcomes.update().values(row=2),
        outcomes.update().values(outcome="forgotten"),
        outcomes.update().values(new_batch=None, new_row=None),
    )
    with engine.connect() as connection:
        before = connection.execute(select(outcomes)).one()
    assert log.verify().findings == ()
    for change in changes:
        with engine.begin() as connection:
            connection.execute(change)
        assert {finding.what for finding in log.verify().findings} == {"decision"}
        with engine.begin() as connection:
            connection.execute(outcomes.delete())
            connection.execute(outcomes.insert().values(**before._mapping))
    assert log.verify().findings == ()
