"""While servers run, rules are looked at without anybody's doing."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

from tests.ruled_home import ALERT, HOLD, NOW, ruled_home, send
from tests.small_home import call, ingest
from tests.surface.served import Served
from tieout.flows.keep_looking import LookingRound, keep_looking
from tieout.kernel.errors import Unavailable
from tieout.kernel.instant import Instant
from tieout.store.books.crossings import SqlTriggers
from tieout.wiring import open_home

RULES = ALERT.format(version=1, rearm="below", more="") + HOLD
SECONDS_MAX = 60


def test_a_server_holds_who_crosses_a_limit(tmp_path: Path) -> None:
    home, _ = ruled_home(tmp_path / "home", RULES, now=NOW)
    with home:
        pass
    served = Served(home.folder, "")
    served.start(workers=1)
    try:
        with open_home(home.folder) as open_:
            until = time.monotonic() + SECONDS_MAX
            while open_.books.triggers.looked() is None and time.monotonic() < until:
                time.sleep(0.1)
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            ingest(open_, [call(1, "acme", now, tokens=650)])
            while not open_.books.triggers.holds() and time.monotonic() < until:
                time.sleep(0.1)
            (held,) = open_.books.triggers.holds()
            assert held.customer == "acme"
            assert len(open_.books.triggers.changes_of(None)) == 3
    finally:
        assert served.stop() == 0
    assert any("3 crossings" in line for line in served.told)


def test_a_round_that_fails_is_told_and_tried_again(tmp_path: Path) -> None:
    home, clock = ruled_home(tmp_path / "home", RULES)
    rounds: list[LookingRound] = []
    real = SqlTriggers.record

    def once(self: SqlTriggers, look: object, *, at: Instant) -> None:
        if not rounds:
            raise Unavailable("the books are away")
        real(self, look, at=at)  # type: ignore[arg-type]

    with home:
        send(home, clock, call(1, "acme", "2026-01-10T12:00:00Z", tokens=650))
        SqlTriggers.record = once  # type: ignore[method-assign, assignment]
        try:
            keep_looking(home, stop=lambda: len(rounds) > 1, told=rounds.append, poll_nanoseconds=0)
        finally:
            SqlTriggers.record = real  # type: ignore[method-assign]
        assert [(each.failure is not None, each.crossed) for each in rounds] == [(True, 0), (False, 3)]


def test_without_rules_nothing_is_read_or_written(tmp_path: Path) -> None:
    home, clock = ruled_home(tmp_path / "home", "")
    turns: list[int] = []

    def stop() -> bool:
        turns.append(1)
        return len(turns) > 6

    with home:
        send(home, clock, call(1, "acme", "2026-01-10T12:00:00Z", tokens=650))
        keep_looking(home, stop=stop, told=lambda _: None, poll_nanoseconds=0)
        assert home.books.triggers.looked() is None
