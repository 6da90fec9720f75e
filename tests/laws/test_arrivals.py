"""Out of order: older than the newest time that was accepted from the same source before. Against a loop."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from tests.logs import NOW, event, ndjson, open_log, send
from tests.small_home import FEBRUARY_3, call, make_home
from tests.small_home import ingest as ingest_events
from tieout.kernel.instant import HOUR_MICROSECONDS
from tieout.store.log.pipeline import SqlPipeline

SENT = st.lists(
    st.lists(
        st.tuples(st.integers(0, 40), st.sampled_from(["a", "b", "c"]), st.integers(0, 9)),
        min_size=1,
        max_size=12,
    ),
    min_size=1,
    max_size=4,
)


def line(id: int, source: str, second: int) -> dict[str, object]:
    return event(f"e{id}", source=source, time=f"2026-02-14T12:00:0{second}Z")


def counted(engine: Engine, folder: Path) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for row in SqlPipeline(engine, folder).arrivals(source=None, since=None):
        assert row.hour == NOW // HOUR_MICROSECONDS * HOUR_MICROSECONDS
        found[row.source] = (row.accepted, row.out_of_order)
    return found


@settings(
    max_examples=40,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(batches=SENT)
def test_arrivals_equal_a_loop_over_what_was_accepted_in_order(
    batches: list[list[tuple[int, str, int]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("log")
    log, engine = open_log(folder)
    seen: set[tuple[str, int]] = set()
    newest: dict[str, int] = defaultdict(lambda: -1)
    accepted, late = Counter[str](), Counter[str]()
    for batch in batches:
        send(log, ndjson([line(*item) for item in batch]))
        for id, source, second in batch:
            if (source, id) in seen:
                continue  # a duplicate or a conflict: it arrived, and was not accepted
            seen.add((source, id))
            accepted[source] += 1
            late[source] += second < newest[source]
            newest[source] = max(newest[source], second)
    assert counted(engine, folder) == {source: (accepted[source], late[source]) for source in accepted}
    engine.dispose()


def test_a_retraction_neither_counts_nor_moves_what_its_source_has_reached(tmp_path: Path) -> None:
    log, engine = open_log(tmp_path)
    retraction = {
        **event("tieout.retraction:1", time="2026-02-20T00:00:00Z"),
        "type": "tieout.retraction",
        "data": {"target_id": "e1", "reason": "r"},
    }
    send(log, ndjson([event("e1"), retraction]), ndjson([event("e2", time="2026-02-15T00:00:00Z")]))
    assert counted(engine, tmp_path) == {"gateway": (2, 0)}


def test_each_hour_received_has_its_own_counts_and_the_newest_time_crosses_it(tmp_path: Path) -> None:
    home, clock = make_home(tmp_path / "home", now=FEBRUARY_3)
    with home:
        ingest_events(
            home, [call(1, "acme", "2026-02-02T00:00:00Z"), call(2, "acme", "2026-02-01T00:00:00Z")]
        )
        clock.set_to(type(FEBRUARY_3)(FEBRUARY_3 + HOUR_MICROSECONDS))
        ingest_events(home, [call(3, "acme", "2026-01-20T00:00:00Z")], "more.ndjson")
        hours = home.pipeline.arrivals(source="gateway", since=None)
    assert [(row.accepted, row.out_of_order) for row in hours] == [(2, 1), (1, 1)]
