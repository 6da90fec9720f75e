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


def served(folder: Path, running: Receiver) -> Path:
    home_folder = folder / "home"
    with create_home(home_folder, clock=SteppedClock(NOON)) as home:
        change_egress(home, allow_private=True, ports=None)
        set_secret(home, "hook", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", keep_hours=0)
        said = f'kind = "webhook"\nurl = "{running.url("/ok")}"\nsecret = "hook"'
        apply(home, folder / "catalog", target(said))
    return home_folder


def test_the_named_points_are_all_of_them() -> None:
    text = (Path(__file__).parents[2] / "src/tieout/store/books/notices.py").read_text()
    assert tuple(re.findall(r'crash_point\("([a-z-]+)"\)', text)) == POINTS


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
