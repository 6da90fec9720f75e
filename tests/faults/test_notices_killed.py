"""Killed at every named point between recording a notice and marking it delivered: it arrives at least once,
under one id, and is recorded once.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.notices import NOON, apply, notice, target
from tests.receivers import Receiver, receiver
from tieout.flows.deliver_notices import deliver_due
from tieout.flows.notices import change_egress, set_secret
from tieout.gateways.clock import SteppedClock
from tieout.kernel.instant import SECOND_MICROSECONDS, Instant
from tieout.notice.attempt import MessageState
from tieout.wiring import create_home, open_home

POINTS = (
    "notice-before-commit",
    "notice-after-commit",
    "notice-before-routed",
    "notice-after-routed",
    "notice-after-claim",
    "notice-after-send",
    "notice-before-mark",
    "notice-after-mark",
)
SELDOM = (
    "notice-before-postponed",
    "notice-after-postponed",
    "notice-before-escalated",
    "notice-after-escalated",
)
"""Passed where quiet hours or an escalation come in between."""
KILLED = -9


def step(folder: Path, act: str, minutes: int, crash: str | None = None) -> int:
    """In a fork of this process, which has everything imported; its exit code, or minus the signal."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if crash is not None:
                os.environ["CRASH_AT"] = crash
            drive(folder, act, minutes)
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def drive(folder: Path, act: str, minutes: int) -> None:
    clock = SteppedClock(Instant(NOON + minutes * 60 * SECOND_MICROSECONDS))
    with open_home(folder, clock=clock) as home:
        if act == "record":
            home.books.notices.record([notice("one"), notice("two")], at=clock.now())
        else:
            deliver_due(home)


def served(folder: Path, running: Receiver, path: str = "/ok", more: str = "") -> Path:
    home_folder = folder / "home"
    with create_home(home_folder, clock=SteppedClock(NOON)) as home:
        change_egress(home, allow_private=True, ports=None)
        set_secret(home, "hook", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", keep_hours=0)
        boss = f'kind = "webhook"\nurl = "{running.url("/ok/boss")}"\nsecret = "hook"\ntakes = ["no.such"]'
        apply(home, folder / "catalog", target(boss, key="boss"))
        said = f'kind = "webhook"\nurl = "{running.url(path)}"\nsecret = "hook"\n{more}'
        apply(home, folder / "catalog", target(said))
    return home_folder


def test_the_named_points_are_all_of_them() -> None:
    text = (Path(__file__).parents[2] / "src/tieout/store/books/notices.py").read_text()
    assert tuple(re.findall(r'crash_point\("([a-z-]+)"\)', text)) == POINTS + SELDOM


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("point", POINTS)
def test_killed_anywhere_a_notice_arrives_at_least_once_under_one_id(
    tmp_path: Path, point: str, nth: int
) -> None:
    with receiver("http", tmp_path / "got") as running:
        folder = served(tmp_path, running)
        codes = [step(folder, "record", 0, f"{point}:{nth}"), step(folder, "record", 0)]
        for number in range(2):  # the claim of a killed process runs out meanwhile
            codes.append(step(folder, "deliver", 5 * (number + 1), f"{point}:{nth}"))
        codes.append(step(folder, "deliver", 20))
        assert codes[1] == codes[-1] == 0
        ids = [each["headers"]["webhook-id"] for each in running.got()]
        assert set(ids) == {notice("one").id, notice("two").id}
        if KILLED not in codes:
            assert nth == 2 and len(ids) == 2, "nobody was killed, and each came once"
    with open_home(folder) as home:
        counts = home.books.notices.counts()
        assert counts.unrouted == 0
        assert counts.messages == ((MessageState.DELIVERED, 2),)
        sent = home.books.notices.messages(notice=None, target=None, limit=10)
        assert {each.wire_id for each in sent} == set(ids)


ESCALATING = 'escalation_severity = "warning"\n'
ESCALATING += '[[notice_target.escalation]]\nafter_minutes = 15\nto = "boss"\n'
QUIET = '[notice_target.quiet_hours]\nzone = "UTC"\nfrom = "12:10"\nuntil = "12:50"\n'


@pytest.mark.parametrize("point", SELDOM)
def test_killed_while_it_waits_or_escalates_it_arrives_all_the_same(tmp_path: Path, point: str) -> None:
    """Nobody acknowledged by 12:15, so the boss is told; or an attempt failed at noon, and the next falls
    into quiet hours."""
    waits = point.endswith("postponed")
    with receiver("http", tmp_path / "got") as running:
        path, more = ("/first-fails/2", QUIET) if waits else ("/ok", ESCALATING)
        folder = served(tmp_path, running, path, more)
        assert [step(folder, "record", 0), step(folder, "deliver", 0)] == [0, 0]
        assert step(folder, "deliver", 20, point) == KILLED
        assert step(folder, "deliver", 23) == 0
        before = len(running.got())
        assert step(folder, "deliver", 51) == 0
        got = running.got()
        told = got[2:] if waits else [each for each in got if each["path"] == "/ok/boss"]
        assert before == (2 if waits else 4), "quiet hours are kept; the boss is told at once"
        assert sorted(each["headers"]["webhook-id"] for each in told) == sorted(
            (notice("one").id, notice("two").id)
        )
    with open_home(folder) as home:
        assert dict(home.books.notices.counts().messages) == {MessageState.DELIVERED: 2 if waits else 4}
