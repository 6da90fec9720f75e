"""What the log keeps about its pipeline, on SQLite and on PostgreSQL: the same answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.small_home import MARCH_3, call, ingest, make_home
from tieout.flows.control_totals import ControlTotalConflict, list_control_totals, state_control_total
from tieout.flows.metrics import metrics_text
from tieout.flows.pipeline_alerts import AlertClosed, close_alert
from tieout.flows.pipeline_status import pipeline_status
from tieout.flows.watch_pipeline import watch_to_head
from tieout.ingest.control_total import ControlTotal, parse_total
from tieout.kernel.ids import EventType
from tieout.kernel.instant import HOUR_MICROSECONDS, Instant, parse_instant

STATED = ControlTotal(
    source="gateway",
    id="feb",
    type=EventType("api.call"),
    start=parse_instant("2026-02-01T00:00:00Z"),
    end=parse_instant("2026-03-01T00:00:00Z"),
    events=500,
    field="gigabytes",
    total=parse_total("12345678901234567890123456.5"),
)


def told(folder: Path) -> dict[str, object]:
    home, clock = make_home(folder)
    with home:
        for hour in range(3):
            clock.set_to(Instant(MARCH_3 + hour * HOUR_MICROSECONDS))
            items = [
                {**call(n, "acme", "2026-02-20T12:00:00Z", gigabytes="0.25"), "sequence": str(n)}
                for n in range(hour * 200, hour * 200 + 150)
            ]
            ingest(home, [*items, items[0], {**items[1], "subject": "key-birch"}])
        clock.set_to(Instant(MARCH_3 + 5 * HOUR_MICROSECONDS))
        ingest(home, [call(n, "acme", "2026-02-20T12:00:00Z", tokens=-1) for n in range(1_000, 1_200)])
        opened = watch_to_head(home)
        again = watch_to_head(home)
        state_control_total(home, STATED, by="Ada")
        compared = list_control_totals(home)
        with pytest.raises(ControlTotalConflict):
            state_control_total(home, ControlTotal("gateway", "feb", *_other()), by="Ada")
        status = pipeline_status(home)
        alert = close_alert(home, opened[0].id, by="Ada", reason="ok")
        with pytest.raises(AlertClosed):
            close_alert(home, opened[0].id, by="Ada", reason="ok")
        metrics = [line for line in metrics_text(home).decode().splitlines() if "wal_bytes" not in line]
        return {
            "opened": opened, "again": again, "compared": compared, "status": status, "alert": alert,
            "metrics": metrics, "verified": home.log.verify().findings,
        }  # fmt: skip


def _other() -> tuple[EventType, Instant, Instant, int, None, None]:
    return EventType("api.call"), STATED.start, STATED.end, 1, None, None


def test_both_databases_tell_the_same(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_sqlite = told(tmp_path / "sqlite")
    monkeypatch.setenv("TIEOUT_DATABASE_URL", postgres_url)
    on_postgres = told(tmp_path / "postgres")
    for part, expected in on_sqlite.items():
        assert on_postgres[part] == expected, part
    assert len(on_sqlite["opened"]) == 1 and on_sqlite["again"] == ()  # type: ignore[arg-type]
    assert on_sqlite["verified"] == ()
