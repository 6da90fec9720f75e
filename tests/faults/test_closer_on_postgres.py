"""Two servers on two machines share one PostgreSQL: one of them closes, and when it is gone, the other."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from tests.faults.close_laws import Expected, broken_laws, documents_of
from tests.faults.harness import tally
from tests.faults.test_closer import (
    BEFORE_ANY_IS_DUE,
    EVERY_NUMBER,
    SECOND,
    Server,
    eventually,
    numbers,
)
from tests.small_home import FEBRUARY_3, ZONES, ingest, january, make_home
from tieout.flows.keep_closing import ClosingRound, keep_closing
from tieout.gateways.clock import SteppedClock
from tieout.kernel.instant import Instant, parse_instant
from tieout.wiring import open_home

PER_CUSTOMER = 3
DUE = Expected(dict.fromkeys(ZONES, 1), events=PER_CUSTOMER * len(ZONES))
STANDING_BY_SECONDS = 6
"""Long enough for several tries to get the lease."""
SESSIONS = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted"


@pytest.fixture
def machines(tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The folders of one home on two machines. January of three customers is in it, not due yet."""
    monkeypatch.setenv("TIEOUT_DATABASE_URL", postgres_url)
    home, _ = make_home(tmp_path / "one", now=BEFORE_ANY_IS_DUE)
    with home:
        ingest(home, january(PER_CUSTOMER))
    (tmp_path / "other").mkdir()
    return tmp_path / "one", tmp_path / "other"


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    started: list[Server] = []
    yield started
    for server in started:
        if server.process.poll() is None:
            server.end()


def kill(server: Server) -> None:
    """As when the machine is gone: the supervisor first, since it would start another closer."""
    processes = server.processes()
    server.process.kill()
    server.process.wait(60)
    for process in processes:
        os.kill(process, signal.SIGKILL)


def holders(url: str) -> list[int]:
    """The sessions that hold a lease."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        found = list(connection.execute(text(SESSIONS)).scalars())
    engine.dispose()
    return found


def terminate(url: str, session: int) -> None:
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:session)"), {"session": session})
    engine.dispose()


def checked(folder: Path) -> None:
    with open_home(folder, clock=SteppedClock(FEBRUARY_3)) as home:
        assert broken_laws(home, DUE) == []
        assert len(documents_of(home)) == len(ZONES)
    tally.injected()


def test_one_of_two_machines_closes_and_the_other_takes_over_when_it_is_killed(
    machines: tuple[Path, Path], servers: list[Server], postgres_url: str
) -> None:
    """To the clock of the one only the first of three is due, to that of the other all: whatever else is
    sealed while the one lives, the other did."""
    here, there = machines
    one = Server(here, Instant(parse_instant("2026-02-01T11:00:00Z") + SECOND))
    servers.append(one)
    eventually("the first is sealed", lambda: numbers(here) == EVERY_NUMBER[:1], one)
    other = Server(there, FEBRUARY_3)
    servers.append(other)
    eventually("the other serves", lambda: "serving" in other.told, other)
    time.sleep(STANDING_BY_SECONDS)
    assert numbers(here) == EVERY_NUMBER[:1] and "closed what was due" not in other.told
    assert len(holders(postgres_url)) == 1
    kill(one)
    eventually("the other seals the rest", lambda: numbers(there) == EVERY_NUMBER, other)
    assert other.end() == 0
    assert other.told.count("closed what was due: 2 sealed") == 1
    checked(there)


def test_one_machine_is_killed_in_the_middle_of_a_close_and_the_other_goes_on(
    machines: tuple[Path, Path], servers: list[Server]
) -> None:
    here, there = machines
    one = Server(here, FEBRUARY_3, PAUSE_AT="seal-before-commit:2")
    servers.append(one)
    eventually("it stands in its second seal", lambda: numbers(here) == EVERY_NUMBER[:1], one)
    other = Server(there, FEBRUARY_3)
    servers.append(other)
    eventually("the other serves", lambda: "serving" in other.told, other)
    time.sleep(STANDING_BY_SECONDS)
    assert numbers(here) == EVERY_NUMBER[:1], "a paused holder holds"
    kill(one)
    eventually("the other seals the rest", lambda: numbers(there) == EVERY_NUMBER, other)
    assert other.end() == 0
    checked(there)


def test_a_holder_whose_session_is_ended_lets_go_before_it_closes_again(
    machines: tuple[Path, Path], postgres_url: str
) -> None:
    here, there = machines
    with (
        open_home(here, clock=SteppedClock(FEBRUARY_3)) as one,
        open_home(there, clock=SteppedClock(FEBRUARY_3)) as other,
    ):
        with one.books.closes.running() as lease:
            assert lease is not None and lease.is_held()
            with other.books.closes.running() as second:
                assert second is None
            terminate(postgres_url, *holders(postgres_url))
            with other.books.closes.running() as second:
                assert second is not None and second.is_held()
                assert not lease.is_held() and not lease.is_held()
            assert not lease.is_held(), "lost is lost, though nobody holds it now"
        with one.books.closes.running() as lease:
            assert lease is not None, "it may be taken anew"
    assert holders(postgres_url) == []


def test_a_closer_that_lost_its_lease_stands_by(
    machines: tuple[Path, Path], postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = machines
    clock, rounds = SteppedClock(BEFORE_ANY_IS_DUE), list[ClosingRound]()
    monkeypatch.setattr("tieout.flows.keep_closing.STAND_BY_SECONDS", 0)
    looks = iter(range(1_000))
    with open_home(here, clock=clock) as one, open_home(there, clock=SteppedClock(FEBRUARY_3)) as other:
        taken = other.books.closes.running()

        def stop() -> bool:
            look = next(looks)
            if look == 3:
                terminate(postgres_url, *holders(postgres_url))
                assert taken.__enter__() is not None
                clock.set_to(FEBRUARY_3)
            return look >= 12

        keep_closing(one, stop=stop, told=rounds.append, poll_seconds=0)
        assert rounds == [] and documents_of(one) == {}
        taken.__exit__(None, None, None)
        looks = iter(range(4, 1_000))
        keep_closing(one, stop=stop, told=rounds.append, poll_seconds=0)
    assert [each.counts for each in rounds] == [{"sealed": 3}]
    checked(here)


def test_a_server_that_cannot_be_asked_for_the_lease_is_told_and_asked_again(
    machines: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, _ = machines
    rounds: list[ClosingRound] = []
    monkeypatch.setattr("tieout.flows.keep_closing.STAND_BY_SECONDS", 0)
    with open_home(here, clock=SteppedClock(FEBRUARY_3)) as home:
        honest = home.books.engine.url  # type: ignore[attr-defined] # the port does not say where it is
        assert honest.database is not None
        monkeypatch.setattr(
            "tieout.store.books.closer_lease._TAKE", text("SELECT pg_terminate_backend(pg_backend_pid())")
        )
        tries = iter(range(1_000))

        def stop() -> bool:
            if len(rounds) == 1:
                monkeypatch.undo()
            assert next(tries) < 200
            return len(rounds) >= 2

        keep_closing(home, stop=stop, told=rounds.append, poll_seconds=0)
    failure = rounds[0].failure
    assert failure is not None and "cannot be written now" in str(failure)
    assert rounds[1].counts == {"sealed": 3}
