"""A home on PostgreSQL is recorded into the same calls as one on SQLite, and replays in an embedded scratch
home while the surroundings still name the server.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.replay_sets import ran
from tests.small_home import FEBRUARY_3, SIGNED_AT, call, ingest, make_home
from tieout.flows.close_periods import close
from tieout.flows.record_replay_set import record
from tieout.kernel.instant import parse_instant


def recorded(folder: Path) -> list[str]:
    home, clock = make_home(folder / "home", now=SIGNED_AT)
    with home:
        clock.set_to(parse_instant("2026-01-20T00:00:00Z"))
        events = [call(n, "acme", f"2026-01-{n:02d}T00:00:00Z") for n in (1, 2)]
        ingest(home, [*events, events[0], call(2, "acme", "2026-01-02T00:00:00Z", tokens=7), {"no": "event"}])
        clock.set_to(FEBRUARY_3)
        close(home, as_of=FEBRUARY_3)
        record(home, folder / "set", name="small")
    bodies = [file.read_text() for file in sorted((folder / "set" / "events").iterdir())]
    calls = (folder / "set" / "calls.jsonl").read_text().splitlines()
    return [
        *bodies,
        *(each for each in calls if "signing/" not in each),
        (folder / "set" / "recorded" / "lines.jsonl").read_text(),
    ]


def test_both_databases_are_recorded_into_the_same_calls(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_sqlite = recorded(tmp_path / "sqlite")
    monkeypatch.setenv("TIEOUT_DATABASE_URL", postgres_url)
    assert recorded(tmp_path / "postgres") == on_sqlite
    run = ran(tmp_path / "postgres" / "set")
    assert (run.refused, run.misjudged, run.differences) == ((), (), ())
    assert run.counts == {"received": 5, "accepted": 2, "duplicate": 1, "conflict": 1, "quarantined": 1}
