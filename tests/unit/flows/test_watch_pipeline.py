"""The pipeline watcher: alerts once for each source, kind and hour, whoever watches and how often."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.small_home import MARCH_3, call, ingest, make_home
from tieout.flows import watch_pipeline as watching
from tieout.flows.pipeline_alerts import AlertClosed, MalformedClosing, NoSuchAlert, close_alert, list_alerts
from tieout.flows.pipeline_status import pipeline_status
from tieout.flows.watch_pipeline import CONSUMER, watch_pipeline, watch_to_head
from tieout.gateways.clock import SteppedClock
from tieout.ingest.lag import acted_on_by
from tieout.ingest.shift import ShiftKind
from tieout.kernel.instant import HOUR_MICROSECONDS, SECOND_MICROSECONDS, Instant
from tieout.wiring import Home, open_home

TIME = "2026-02-20T12:00:00Z"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[tuple[Home, SteppedClock]]:
    made, clock = make_home(tmp_path / "home")
    with made:
        yield made, clock


def good(first: int, count: int) -> list[dict[str, object]]:
    return [call(number, "acme", TIME) for number in range(first, first + count)]


def bad(first: int, count: int) -> list[dict[str, object]]:
    return [call(number, "acme", TIME, tokens=-1) for number in range(first, first + count)]


def at(clock: SteppedClock, hour: int) -> None:
    clock.set_to(Instant(MARCH_3 + hour * HOUR_MICROSECONDS))


def usual_then_broken(home: Home, clock: SteppedClock) -> None:
    for hour in range(3):
        at(clock, hour)
        ingest(home, good(hour * 1_000, 100))
    at(clock, 3)
    ingest(home, bad(10_000, 120))


def test_a_source_that_breaks_opens_one_alert_that_stays(home: tuple[Home, SteppedClock]) -> None:
    where, clock = home
    usual_then_broken(where, clock)
    (opened,) = watch_to_head(where)
    assert (opened.kind, opened.source, opened.hour) == (ShiftKind.ACCEPTANCE, "gateway", clock.now())
    assert (opened.now.part, opened.now.whole, opened.before.part, opened.before.whole) == (0, 120, 300, 300)
    ingest(where, bad(20_000, 50))
    assert watch_to_head(where) == (), "the same hour is not opened twice"
    (alert,) = where.pipeline.open_alerts()
    assert alert.shift == opened, "and keeps the numbers that opened it"
    assert pipeline_status(where).open_alerts == (alert,)


def test_nothing_new_moves_nothing_and_the_cursor_follows_the_head(home: tuple[Home, SteppedClock]) -> None:
    where, _ = home
    assert watch_pipeline(where).upto == 0
    ingest(where, good(0, 10))
    assert watch_pipeline(where).upto == where.log.head() == where.pipeline.cursor(CONSUMER) == 1
    step = watch_pipeline(where)
    assert (step.after, step.upto, step.more) == (1, 1, False)


def test_a_long_backlog_is_read_in_steps(
    home: tuple[Home, SteppedClock], monkeypatch: pytest.MonkeyPatch
) -> None:
    where, clock = home
    monkeypatch.setattr(watching, "BATCHES_PER_STEP", 1)
    usual_then_broken(where, clock)
    first = watch_pipeline(where)
    assert (first.upto, first.more, first.opened) == (1, True, ())
    assert [shift.kind for shift in watch_to_head(where)] == [ShiftKind.ACCEPTANCE]
    assert where.pipeline.cursor(CONSUMER) == where.log.head()


def test_watchers_at_once_open_it_once_and_count_their_lag_once(home: tuple[Home, SteppedClock]) -> None:
    where, clock = home
    usual_then_broken(where, clock)
    where.log.write_lags()
    clock.set_to(Instant(clock.now() + 7 * SECOND_MICROSECONDS))
    others = [open_home(where.folder, clock=clock) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        opened = [shift for found in pool.map(watch_to_head, others) for shift in found]
    for other in others:
        other.close()
    assert len(opened) == 1
    assert len(where.pipeline.alerts(only_open=False, source=None)) == 1
    lags = where.pipeline.lags(source="gateway", since=None)
    acted = [lag for lag in lags if lag.lag == acted_on_by(CONSUMER)]
    assert sum(lag.items for lag in acted) == 300, "each accepted event is acted on once"


def test_who_looked_at_the_same_batches_later_writes_nothing(home: tuple[Home, SteppedClock]) -> None:
    where, clock = home
    usual_then_broken(where, clock)
    where.log.write_lags()
    (found,) = watch_to_head(where)
    before = where.pipeline.lags(source=None, since=None)
    late = where.pipeline.acted(
        CONSUMER, after=type(where.log.head())(0), upto=where.log.head(), at=clock.now(), found=[found]
    )
    assert late is None
    assert where.pipeline.lags(source=None, since=None) == before
    assert where.pipeline.cursor(CONSUMER) == where.log.head()


def test_the_lag_of_the_watcher_is_told_under_its_name(home: tuple[Home, SteppedClock]) -> None:
    where, clock = home
    ingest(where, good(0, 10))
    where.log.write_lags()
    clock.set_to(Instant(clock.now() + 7 * SECOND_MICROSECONDS))
    watch_to_head(where)
    (row,) = pipeline_status(where).rows
    told = {lag.name: lag for lag in row.lags}
    acted = told["queryable-to-acted:pipeline-watcher"]
    assert acted.items == 10
    assert 7 * SECOND_MICROSECONDS <= acted.p50 == acted.p99 < 7 * SECOND_MICROSECONDS * 1_091 // 1_000
    assert told["received-to-queryable"].p99 == 0, "the clock of this test stood still"


def test_a_batch_whose_commit_nobody_timed_has_no_lag(home: tuple[Home, SteppedClock]) -> None:
    """The process that committed it was killed before it said when it had seen it committed."""
    where, clock = home
    ingest(where, good(0, 10))
    with open_home(where.folder, clock=clock) as other:
        watch_to_head(other)
    assert not [
        lag for lag in where.pipeline.lags(source=None, since=None) if lag.lag == acted_on_by(CONSUMER)
    ]


def test_closing_needs_a_name_and_a_reason_and_happens_once(home: tuple[Home, SteppedClock]) -> None:
    where, clock = home
    usual_then_broken(where, clock)
    watch_to_head(where)
    (alert,) = list_alerts(where)
    for by, reason in (
        ("", "why"),
        ("Ada", " "),
        ("Ada", "two\nlines"),
        ("A" * 129, "why"),
        ("Ada", "\x1b[2J"),
    ):
        with pytest.raises(MalformedClosing):
            close_alert(where, alert.id, by=by, reason=reason)
    closed = close_alert(where, alert.id, by=" Ada ", reason="A bad release; fixed in 2.1")
    assert (closed.closed_by, closed.closed_at) == ("Ada", clock.now())
    assert list_alerts(where) == ()
    assert list_alerts(where, only_open=False) == (closed,)
    with pytest.raises(AlertClosed) as refusal:
        close_alert(where, alert.id, by="Bram", reason="other")
    assert refusal.value.exit_code == 4 and "Ada" in str(refusal.value)
    with pytest.raises(NoSuchAlert):
        close_alert(where, "al_nothing", by="Ada", reason="why")
    ingest(where, bad(30_000, 50))
    assert watch_to_head(where) == (), "closed is closed, for that hour"
