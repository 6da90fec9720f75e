"""Law L1 as rates: what is kept by source and hour is the tallies of all batches, and a naive count."""

from __future__ import annotations

from collections import Counter
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from tests.faults.log_writer import processes
from tests.logs import NOW, event, ndjson, open_log, send
from tieout.ingest.lag import EVENT_TO_RECEIVED, RECEIVED_TO_QUERYABLE, bucket_of
from tieout.ingest.verdict import Verdict
from tieout.kernel.instant import HOUR_MICROSECONDS, Instant, parse_instant
from tieout.ports import Tally
from tieout.store.log.pipeline import SqlPipeline

WRITERS = 4
BLOCKS_EACH = 6
SOURCES = ("gateway", "edge", "batch-job")
Key = tuple[str, int, Verdict]


def pipeline_of(folder: Path, engine: Engine) -> SqlPipeline:
    return SqlPipeline(engine, folder)


def added_up(tallies: tuple[Tally, ...]) -> Counter[tuple[str, int, int, int]]:
    found: Counter[tuple[str, int, int, int]] = Counter()
    for tally in tallies:
        found[tally.source, tally.hour, tally.verdict, tally.reason] += tally.items
    return found


def by_verdict(tallies: tuple[Tally, ...]) -> Counter[Key]:
    found: Counter[Key] = Counter()
    for tally in tallies:
        found[tally.source, tally.hour, tally.verdict] += tally.items
    return found


@st.composite
def batches(draw: st.DrawFn) -> list[tuple[int, list[tuple[str, str, int]]]]:
    """(hour of arrival, items); an item is (source, id, tokens), and negative tokens are out of range."""
    item = st.tuples(st.sampled_from(SOURCES), st.sampled_from("abcd"), st.sampled_from([1, 2, -1]))
    return draw(st.lists(st.tuples(st.integers(0, 2), st.lists(item, max_size=9)), min_size=1, max_size=5))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=batches())
def test_rates_are_tallies_and_a_naive_count(
    sent: list[tuple[int, list[tuple[str, str, int]]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("log")
    seen: dict[tuple[str, str], int] = {}
    expected: Counter[Key] = Counter()
    for hour, items in sent:
        now = Instant(NOW + hour * HOUR_MICROSECONDS)
        log, engine = open_log(folder, now=now)
        send(log, ndjson([event(id, tokens, source=source) for source, id, tokens in items]))
        for source, id, tokens in items:
            expected[source, now, judged(seen, source, id, tokens)] += 1
        rates = pipeline_of(folder, engine).rates(source=None, since=None)
        assert by_verdict(rates) == expected
        assert added_up(rates) == added_up(log.tallies())
        assert log.verify().findings == ()
        lags = pipeline_of(folder, engine).lags(source=None, since=None)
        measured = sum(lag.items for lag in lags if lag.lag == EVENT_TO_RECEIVED)
        assert measured == sum(items for key, items in expected.items() if key[2] is Verdict.ACCEPTED)
        engine.dispose()


def judged(seen: dict[tuple[str, str], int], source: str, id: str, tokens: int) -> Verdict:
    if tokens < 0:
        return Verdict.QUARANTINED
    if (source, id) not in seen:
        seen[source, id] = tokens
        return Verdict.ACCEPTED
    return Verdict.DUPLICATE if seen[source, id] == tokens else Verdict.CONFLICT


def write(folder: Path, url: str | None, writer: int, together: Barrier) -> None:
    log, engine = open_log(folder, url=url, now=Instant(NOW + writer % 2 * HOUR_MICROSECONDS))
    together.wait(60)
    for number in range(BLOCKS_EACH):
        items = [event(f"e{number}-{n}", source=SOURCES[n % 3]) for n in range(20)]
        send(log, ndjson([*items, event("bad", -writer - 1)]))
    log.write_lags()
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str | None:
    return None if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


def test_writers_at_once_lose_no_count(tmp_path: Path, url: str | None) -> None:
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
    pipeline = pipeline_of(tmp_path, engine)
    rates = pipeline.rates(source=None, since=None)
    assert added_up(rates) == added_up(log.tallies())
    verdicts: Counter[Verdict] = Counter()
    for tally in rates:
        verdicts[tally.verdict] += tally.items
    assert verdicts == {
        Verdict.ACCEPTED: BLOCKS_EACH * 20,
        Verdict.DUPLICATE: (WRITERS - 1) * BLOCKS_EACH * 20,
        Verdict.QUARANTINED: WRITERS * BLOCKS_EACH,
    }
    lags = pipeline.lags(source=None, since=None)
    for name in (EVENT_TO_RECEIVED, RECEIVED_TO_QUERYABLE):
        assert sum(lag.items for lag in lags if lag.lag == name) == BLOCKS_EACH * 20, name
    assert log.verify().findings == ()
    engine.dispose()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE rates SET items = items + 1 WHERE verdict = 0",
        "DELETE FROM rates WHERE verdict = 3",
        "UPDATE rates SET source = 'someone-else' WHERE verdict = 3",
        "UPDATE rates SET hour = hour + 3600000000",
        "INSERT INTO rates (hour, source, verdict, reason, items) VALUES (0, 'made-up', 0, 0, 1)",
    ],
)
def test_verify_names_rates_that_are_not_the_tallies(tmp_path: Path, change: str) -> None:
    log, engine = open_log(tmp_path)
    send(log, ndjson([event("a"), event("b", -1)]))
    with engine.begin() as connection:
        connection.execute(text(change))
    found = log.verify().findings
    assert found and {finding.what for finding in found} == {"rates"}
    assert "items are kept" in found[0].detail


def test_the_lag_from_event_to_received_is_that_of_the_accepted_events(tmp_path: Path) -> None:
    log, engine = open_log(tmp_path)
    times = ("2026-02-28T23:59:59Z", "2026-02-28T23:59:59Z", "2026-02-27T00:00:00Z", "2026-03-01T00:04:00Z")
    items = [event(f"e{number}", time=time) for number, time in enumerate(times)]
    send(log, ndjson([*items, items[0], event("bad", -1, time="2026-01-01T00:00:00Z")]))
    lags = pipeline_of(tmp_path, engine).lags(source="gateway", since=None)
    found = {lag.bucket: lag.items for lag in lags if lag.lag == EVENT_TO_RECEIVED}
    expected = Counter(bucket_of(NOW - parse_instant(time)) for time in times)
    assert found == expected
    assert found[0] == 1, "an event from a clock that runs ahead has no negative lag"


def test_when_a_batch_became_queryable_is_written_with_the_next_commit_or_on_request(tmp_path: Path) -> None:
    log, engine = open_log(tmp_path)
    pipeline = pipeline_of(tmp_path, engine)

    def queryable() -> int:
        lags = pipeline.lags(source=None, since=None)
        return sum(lag.items for lag in lags if lag.lag == RECEIVED_TO_QUERYABLE)

    send(log, ndjson([event("a")]))
    assert queryable() == 0
    send(log, ndjson([event("b"), event("c")]))
    assert queryable() == 1
    log.write_lags()
    log.write_lags()
    assert queryable() == 3
    engine.dispose()
