"""Killed between the crossing of a customer's own alert and its delivery, at a sample of the named points: it
is recorded once, and arrives at the customer's target at least once, under one id.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.own_home import ALERT, BY_KEY, own_home, webhook
from tests.receivers import receiver
from tests.ruled_home import NOW, send
from tests.small_home import call
from tieout.flows.deliver_notices import deliver_due
from tieout.flows.look_at_rules import look_to_head
from tieout.flows.own_changes import set_alert
from tieout.flows.own_targets import set_target
from tieout.gateways.clock import SteppedClock
from tieout.kernel.instant import SECOND_MICROSECONDS, Instant
from tieout.wiring import open_home

KILLED = -9
POINTS = ("look-before-commit", "look-after-commit", "notice-after-routed", "notice-after-send")
LATER_SECONDS = 600


def step(folder: Path, seconds: int, crash: str | None) -> int:
    """A look and a delivery in a fork of this process; its exit code, or minus the signal."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if crash is not None:
                os.environ["CRASH_AT"] = crash
            clock = SteppedClock(Instant(NOW + seconds * SECOND_MICROSECONDS))
            with open_home(folder, clock=clock) as home:
                look_to_head(home, everyone=False)
                deliver_due(home)
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("point", POINTS)
def test_it_is_recorded_once_and_arrives_under_one_id(tmp_path: Path, point: str) -> None:
    with receiver("http", tmp_path / "got") as running:
        home, clock = own_home(tmp_path / "home")
        with home:
            set_target(home, "acme", "hook", webhook(running.url("/ok/acme")), BY_KEY)
            set_target(home, "birch", "hook", webhook(running.url("/ok/birch")), BY_KEY)
            set_alert(home, "acme", "many", ALERT, BY_KEY)
            look_to_head(home)
            send(home, clock, call(1, "acme", "2026-01-10T12:00:00Z", tokens=350))
        assert step(home.folder, 60, point) == KILLED
        assert step(home.folder, LATER_SECONDS, None) == 0, "the claim of who was killed has run out"
        assert step(home.folder, 2 * LATER_SECONDS, None) == 0
        got = running.got()
    with open_home(tmp_path / "home") as home:
        (change,) = home.books.triggers.changes_of(None)
        assert (change.change.ordinal, str(change.change.threshold)) == (1, "300")
    assert {each["path"] for each in got} == {"/ok/acme"}
    assert len({each["headers"]["webhook-id"] for each in got}) == 1
