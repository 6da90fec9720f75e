"""What a monitor reads: the counts that are kept, escaped, and not more labels than its limit."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from tests.small_home import call, ingest, make_home
from tieout.flows import metrics
from tieout.flows.metrics import metrics_text
from tieout.flows.watch_pipeline import watch_to_head
from tieout.store.sqlite import open_engine
from tieout.wiring import Home

Sample = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(home: Home) -> Sample:
    found: Sample = {}
    for family in text_string_to_metric_families(metrics_text(home).decode()):
        for sample in family.samples:
            found[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
    return found


def told(found: Sample, name: str, **labels: str) -> float:
    return found[name, tuple(sorted(labels.items()))]


def test_counters_are_the_rates_and_gauges_the_log(tmp_path: Path) -> None:
    home, _ = make_home(tmp_path / "home")
    with home:
        good = [call(number, "acme", "2026-03-02T23:00:00Z") for number in range(8)]
        ingest(home, [*good, good[0], call(1, "acme", "2026-03-02T23:00:00Z", tokens=7), {"no": "event"}])
        watch_to_head(home)
        found = samples(home)
        for verdict, items in (("accepted", 8), ("duplicate", 1), ("conflict", 1)):
            assert told(found, "tieout_items_total", source="gateway", verdict=verdict) == items
        assert told(found, "tieout_items_total", source="unknown", verdict="quarantined") == 1
        assert (
            told(found, "tieout_items_not_accepted_total", source="gateway", reason="identity-conflict") == 1
        )
        assert told(found, "tieout_head_batch") == 1 and told(found, "tieout_compacted_batch") == 0
        assert told(found, "tieout_wal_bytes") > 0
        lag = {"source": "gateway", "lag": "event-to-received", "quantile": "0.99"}
        assert 3_600 <= told(found, "tieout_lag_seconds", **lag) < 3_600 * 1.091
        home.log.compact(rows_min=1)
        assert told(samples(home), "tieout_compacted_batch") == 1


def test_a_made_up_source_cannot_fill_the_monitor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "SOURCES_MAX", 3)
    home, clock = make_home(tmp_path / "home")
    with home:
        ingest(home, [call(0, "acme", "2026-02-20T12:00:00Z")])
        clock.set_to(type(clock.now())(clock.now() + 3_600_000_000))
        ingest(home, [{**call(n, "acme", "2026-02-20T12:00:00Z"), "source": f"s{n}"} for n in range(10)])
        found = samples(home)
    sources = {dict(labels).get("source") for _, labels in found} - {None}
    assert sources == {"gateway", "s0", "s1", "other"}
    assert told(found, "tieout_items_total", source="other", verdict="accepted") == 8
    assert sum(value for (name, _), value in found.items() if name == "tieout_items_total") == 11


def test_labels_are_data(tmp_path: Path) -> None:
    home, clock = make_home(tmp_path / "home")
    hostile = 'a"} 1\\x'
    with home:
        ingest(home, [{**call(1, "acme", "2026-02-20T12:00:00Z"), "source": hostile.replace(" ", "_")}])
        engine = open_engine(home.folder / "log.db", schema="log")
        with engine.begin() as connection:
            connection.execute(
                text("INSERT INTO refused_requests VALUES (:hour, :key, 'too-many', 5)"),
                {"hour": clock.now(), "key": f"{hostile}\n"},
            )
        engine.dispose()
        found = samples(home)
        assert told(found, "tieout_items_total", source=hostile.replace(" ", "_"), verdict="accepted") == 1
        assert told(found, "tieout_requests_refused_total", key=f"{hostile}\n", reason="too-many") == 5
