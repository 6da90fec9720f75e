"""A server closes by itself: what becomes due is sealed, once, by whichever process is there, killed or
not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.reviewed_home import AFTER_THE_WINDOW, DRAFTED_AT, IN_THE_WINDOW, make_reviewed_home
from tests.small_home import FEBRUARY_3, ZONES, call, ingest, january, make_home
from tests.surface.served import parent_of
from tieout.close.account import AccountOutcome
from tieout.close.outcome import OutcomeName, Parked
from tieout.flows import keep_closing as closing
from tieout.flows.close_periods import close
from tieout.flows.drafts import approve_draft, list_drafts
from tieout.flows.invoices import list_invoices
from tieout.flows.keep_closing import ClosingRound, keep_closing, work
from tieout.flows.metrics import metrics_text
from tieout.flows.verify_books import verify_books
from tieout.gateways.clock import SteppedClock, SystemClock
from tieout.kernel.errors import Unavailable
from tieout.kernel.instant import Instant, parse_instant
from tieout.wiring import open_home

ROOT = Path(__file__).parents[2]
SECOND = 1_000_000
BEFORE_ANY_IS_DUE = parse_instant("2026-02-01T10:59:00Z")
"""Auckland's January ends on 31 January at 11:00 UTC; a day of grace later it is due, the first of the
three."""
EVERY_NUMBER = [f"INV-{ordinal:06}" for ordinal in range(1, len(ZONES) + 1)]


class Server:
    """The processes of one server."""

    def __init__(self, folder: Path, now: Instant, *, closes: bool = True, **environment: str) -> None:
        offset = now - SystemClock().now()
        self.log = folder.parent / f"{folder.name}-{time.monotonic_ns()}.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.faults.shifted_server"),
                    *(str(folder), str(offset), "closes" if closes else "not"),
                ],
                stderr=log,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", **environment},
            )

    @property
    def told(self) -> str:
        return self.log.read_text()

    def processes(self) -> list[int]:
        return sorted(
            int(entry)
            for entry in os.listdir("/proc")
            if entry.isdigit() and parent_of(int(entry)) == self.process.pid
        )

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    """Those that a test started are gone after it."""
    started: list[Server] = []
    yield started
    for server in started:
        if server.process.poll() is None:
            server.end()


@pytest.fixture
def due_home(tmp_path: Path) -> Path:
    """January of three customers, not due yet."""
    home, _ = make_home(tmp_path / "home", now=BEFORE_ANY_IS_DUE)
    with home:
        ingest(home, january(3))
    return tmp_path / "home"


def numbers(folder: Path) -> list[str | None]:
    with open_home(folder, clock=SteppedClock(FEBRUARY_3)) as home:
        return sorted(row.number or "" for row in list_invoices(home))


def eventually(what: str, holds: Callable[[], bool], server: Server) -> None:
    until = time.monotonic() + 90
    while not holds():
        assert time.monotonic() < until, f"{what}: {server.told}"
        time.sleep(0.1)


def test_what_becomes_due_while_a_server_runs_is_sealed_and_told(
    due_home: Path, servers: list[Server]
) -> None:
    almost = Instant(parse_instant("2026-02-01T11:00:00Z") - 8 * SECOND)
    server = Server(due_home, almost)
    servers.append(server)
    eventually("it serves", lambda: "serving" in server.told, server)
    assert numbers(due_home) == []
    eventually("the first is sealed", lambda: numbers(due_home) == EVERY_NUMBER[:1], server)
    eventually("it is told", lambda: "closed what was due: 1 sealed" in server.told, server)
    time.sleep(2.5)
    assert server.end() == 0
    assert numbers(due_home) == EVERY_NUMBER[:1], "the others are not due for hours"
    with open_home(due_home, clock=SteppedClock(FEBRUARY_3)) as home:
        assert {row.customer for row in list_invoices(home)} == {"cedar"}
        text = metrics_text(home).decode()
    assert 'tieout_accounts_waiting{outcome="parked"} 0.0' in text and "tieout_close_run " in text


def test_it_is_killed_in_the_middle_of_a_close_and_the_next_goes_on(
    due_home: Path, servers: list[Server]
) -> None:
    """Each process is killed at its second seal: it takes three of them, and nobody is sealed twice."""
    server = Server(due_home, FEBRUARY_3, CRASH_AT="seal-before-commit:2")
    servers.append(server)
    eventually("all are sealed", lambda: numbers(due_home) == EVERY_NUMBER, server)
    assert server.told.count("closer ended with -9") == 2
    assert server.end() == 0
    with open_home(due_home, clock=SteppedClock(FEBRUARY_3)) as home:
        assert {row.customer for row in list_invoices(home)} == set(ZONES)
        assert verify_books(home).findings == ()


def test_two_servers_of_one_home_seal_each_account_once(due_home: Path, servers: list[Server]) -> None:
    servers += [Server(due_home, FEBRUARY_3), Server(due_home, FEBRUARY_3)]
    eventually("all are sealed", lambda: numbers(due_home) == EVERY_NUMBER, servers[0])
    assert [server.end() for server in servers] == [0, 0]
    with open_home(due_home, clock=SteppedClock(FEBRUARY_3)) as home:
        assert verify_books(home).findings == ()
    closed = "".join(server.told for server in servers).count("closed what was due")
    assert closed == 1, "one of the two stands by"


def test_a_server_may_leave_it_to_somebody_else(due_home: Path, servers: list[Server]) -> None:
    server = Server(due_home, FEBRUARY_3, closes=False)
    servers.append(server)
    eventually("it serves", lambda: "serving" in server.told, server)
    assert len(server.processes()) == 5, "a worker, the deliverer, the follower, the looker, the keeper"
    time.sleep(3)
    assert server.end() == 0 and numbers(due_home) == []


def test_a_look_that_finds_nothing_writes_nothing_and_held_accounts_are_tried_again(tmp_path: Path) -> None:
    home, clock = make_home(tmp_path / "home", now=BEFORE_ANY_IS_DUE)
    with home:
        ingest(home, january(3))
        rounds: list[ClosingRound] = []
        looks = iter(range(1_000))

        def stop() -> bool:
            return next(looks) >= 12

        keep_closing(home, stop=stop, told=rounds.append, poll_seconds=0)
        assert rounds == [] and home.books.closes.last_ended() is None
        next_at = work(home, now=BEFORE_ANY_IS_DUE, again=False).next_at
        assert next_at == parse_instant("2026-02-01T11:00:00Z")
        clock.set_to(FEBRUARY_3)
        assert work(home, now=FEBRUARY_3, again=False).customers == tuple(sorted(ZONES))
        run = home.books.closes.start(as_of=FEBRUARY_3, cutoff=home.log.head(), cutoff_at=FEBRUARY_3)
        report = close(home, as_of=FEBRUARY_3, dry_run=True)
        parked = [AccountOutcome(each[0], each[1], Parked("why", "what")) for each in report.outcomes]
        home.books.closes.record(run, parked)
        assert home.books.closes.waiting() == {OutcomeName.PARKED: 3}
        assert work(home, now=FEBRUARY_3, again=False).customers == ()
        assert work(home, now=FEBRUARY_3, again=True).customers == tuple(sorted(ZONES))
        close(home, as_of=FEBRUARY_3)
        assert home.books.closes.waiting() == {}


def test_drafts_are_sealed_when_they_may_be_and_not_before(tmp_path: Path) -> None:
    home, clock = make_reviewed_home(tmp_path / "home")
    with home:
        ingest(home, [call(1, "acme", "2026-01-02T12:00:00Z")])
        assert work(home, now=DRAFTED_AT, again=False).customers == ("acme",)
        close(home, as_of=DRAFTED_AT)
        assert home.books.closes.waiting() == {OutcomeName.IN_REVIEW: 1}
        found = work(home, now=IN_THE_WINDOW, again=True)
        assert (found.customers, found.next_at) == ((), AFTER_THE_WINDOW)
        clock.set_to(IN_THE_WINDOW)
        (row,) = list_drafts(home)
        approve_draft(home, row.draft.invoice, sha256=row.draft.sha256, person="Erin", reason="fine")
        assert work(home, now=IN_THE_WINDOW, again=False).customers == ("acme",)


def test_a_failure_is_told_and_tried_again(due_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds: list[ClosingRound] = []
    honest, calls = closing.close, iter(range(100))

    def fails_first(*given: object, **named: object) -> object:
        if next(calls) == 0:
            raise Unavailable("no room")
        return honest(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(closing, "close", fails_first)
    with open_home(due_home, clock=SteppedClock(FEBRUARY_3)) as home:
        keep_closing(home, stop=lambda: len(rounds) >= 2, told=rounds.append, poll_seconds=0)
    assert isinstance(rounds[0].failure, Unavailable) and rounds[1].counts == {"sealed": 3}
