"""kill -9 of whoever looks at the rules, before and after the commit: each crossing is there once, with its
notice and its hold, and the next look goes on; two that look at once record it once too.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ruled_home import ALERT, HOLD, NOW, ruled_home, send
from tests.small_home import call
from tests.unit.flows.test_answer_interims import asked
from tieout.flows.answer_interims import answer_interims
from tieout.flows.invoices import list_invoices
from tieout.flows.look_at_rules import look_to_head
from tieout.flows.retract_event import Decision, retract_event
from tieout.gateways.clock import SteppedClock
from tieout.kernel.instant import Instant
from tieout.wiring import Home, open_home

RULES = ALERT.format(version=1, rearm="below", more="") + HOLD


def look(folder: Path, crash: str | None = None) -> int:
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    if crash is not None:
        environment["CRASH_AT"] = crash
    command = [sys.executable, "-m", "tests.ruled_home", str(folder), str(int(NOW) + 3_600_000_000), "some"]
    return subprocess.run(command, env=environment, check=False).returncode


def found(home: Home) -> list[tuple[str, str, str, int]]:
    return [
        (each.change.rule.key, str(each.change.threshold), each.change.kind.value, each.change.ordinal)
        for each in home.books.triggers.changes_of(None)
    ]


@pytest.mark.parametrize(("crash", "is_there"), [("look-before-commit", False), ("look-after-commit", True)])
def test_killed_around_the_commit_it_is_recorded_once(tmp_path: Path, crash: str, *, is_there: bool) -> None:
    """Crossed in one batch, taken back in the next, crossed again: 600, 0, 450 tokens."""
    home, clock = ruled_home(tmp_path / "home", RULES)
    with home:
        look_to_head(home)
        send(home, clock, call(1, "acme", "2026-01-10T12:00:00Z", tokens=600))
        retract_event(home, source="gateway", event_id="e1", decision=Decision("sent in error", "Ada"))
        send(home, clock, call(2, "acme", "2026-01-10T12:00:00Z", tokens=450))
        assert look(home.folder, crash) == -signal.SIGKILL
        all_three = (("tokens", "300"), ("tokens", "500"), ("stop", "400"))
        once = [(rule, at, "crossed", 1) for rule, at in all_three]
        once += [(rule, at, "rearmed", 1) for rule, at in all_three]
        once += [("tokens", "300", "crossed", 2), ("stop", "400", "crossed", 2)]
        assert found(home) == (once if is_there else [])
        assert look(home.folder) == 0
        assert found(home) == once
        assert look(home.folder) == 0
        assert found(home) == once
        assert len(home.books.notices.unrouted(100)) == 6, "3 alerts, 2 holds placed, 1 lifted"
        first, second = sorted(home.books.triggers.holds(), key=lambda each: each.released is None)
        assert first.released is not None
        assert first.released[0] is None, "by the rule"
        assert second.released is None


@pytest.mark.parametrize("point", ["seal-after-commit", "look-before-answered", "look-after-answered"])
def test_killed_while_the_invoice_rules_answer_one_invoice_and_one_answer_are_there(
    tmp_path: Path, point: str
) -> None:
    stage = asked(tmp_path, "110.00")
    now = stage.clock.now()
    with stage.home:
        pass
    assert [answer(tmp_path / "home", now, point), answer(tmp_path / "home", now)] == [-signal.SIGKILL, 0]
    with open_home(tmp_path / "home", clock=SteppedClock(now)) as home:
        (row,) = list_invoices(home)
        (request,) = home.books.triggers.interim_requests(open_only=False)
        assert request.answer is not None
        assert (row.kind, *request.answer[:3]) == ("interim", "sealed", f"sealed as {row.number}", row.id)


def answer(folder: Path, now: Instant, crash: str | None = None) -> int:
    """In a fork, which has everything imported."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.environ.update({} if crash is None else {"CRASH_AT": crash})
            with open_home(folder, clock=SteppedClock(now)) as home:
                answer_interims(home)
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("first", [True, False], ids=["first look", "later look"])
def test_some_that_look_at_once_record_it_once(tmp_path: Path, *, first: bool) -> None:
    home, clock = ruled_home(tmp_path / "home", RULES)
    with home:
        if not first:
            look_to_head(home)
        send(home, clock, call(1, "acme", "2026-01-10T12:00:00Z", tokens=600))
        environment = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
        command = [sys.executable, "-m", "tests.ruled_home", str(home.folder), str(int(NOW)), "everyone"]
        racing = [subprocess.Popen(command, env=environment) for _ in range(3)]
        assert [each.wait(timeout=120) for each in racing] == [0, 0, 0]
        assert len(found(home)) == len(set(found(home))) == 3
        assert len(home.books.triggers.holds()) == 1


@pytest.fixture
def on_postgres(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIEOUT_DATABASE_URL", postgres_url)


@pytest.mark.usefixtures("on_postgres")
@pytest.mark.parametrize("first", [True, False], ids=["first look", "later look"])
def test_on_postgres_some_that_look_at_once_record_it_once(tmp_path: Path, *, first: bool) -> None:
    test_some_that_look_at_once_record_it_once(tmp_path, first=first)


@pytest.mark.usefixtures("on_postgres")
def test_on_postgres_killed_before_the_commit_it_is_recorded_once(tmp_path: Path) -> None:
    test_killed_around_the_commit_it_is_recorded_once(tmp_path, "look-before-commit", is_there=False)
