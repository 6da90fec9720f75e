"""What people decide with books on PostgreSQL. Whoever decides is killed before or after each transaction: it
is there whole or not at all. Or the connection breaks at the COMMIT: whether it was recorded or not, deciding
it again ends with it recorded once, and no refusal says what is not so. A sample; all of it in a long run."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url

from tests.faults.close_laws import broken_papers, documents_of
from tests.faults.closers import Closers, closers_started
from tests.faults.decider import decide, latest
from tests.faults.harness import tally
from tests.faults.harness.effort import is_long, some
from tests.faults.network.cutting import Cut, cutting_proxy
from tests.faults.test_corrections_killed import FEBRUARY_10, SENT
from tests.faults.test_every_decision_killed import PASSED_MAX, REVIEWED, SEALED, STEPS, counts, sealed_home
from tests.reviewed_home import DRAFTED_AT, IN_THE_WINDOW, make_reviewed_home
from tests.small_home import ZONES, call, ingest
from tieout.flows.close_periods import close
from tieout.gateways.clock import SteppedClock
from tieout.kernel.errors import Refusal, Unavailable
from tieout.store.books import writing
from tieout.wiring import open_home

VARIABLE = "TIEOUT_DATABASE_URL"
DECIDED = ("credit", "void", "pay", "approve", "decide-entry", "decide-line", "waive", "sign-waiver")
SAID = ("approve-draft", "object-to", "uphold")
KILLED = [("credit", STEPS[0]), ("approve", STEPS[1]), ("sign-waiver", STEPS[1])]
HOW: tuple[Cut, ...] = ("before", "after", "at once")
ARMED = {"credit": "seal-before-commit", "uphold": "dispute-before-commit"}
LOST = [(verb, how) for verb in (*DECIDED, *SAID) for how in HOW]


@dataclass(frozen=True)
class Ready:
    """`whole`: what the tables have after a decision that nothing disturbed, by its name."""

    folders: dict[str, Path]
    urls: dict[str, str]
    words: dict[str, str]
    whole: dict[str, dict[str, int]]

    def home_of(self, verb: str) -> str:
        return "sealed" if verb in SEALED else "redrafted" if verb == "approve-delta" else "reviewed"

    def ordered(self, verb: str) -> list[str]:
        return [word.format(**self.words) for word in {**SEALED, **REVIEWED}[verb]]


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory, postgres: Iterator[str]) -> Ready:
    folder = tmp_path_factory.mktemp("ready")
    urls = {"sealed": next(postgres), "reviewed": next(postgres), "redrafted": next(postgres)}
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(VARIABLE, urls["sealed"])
        words = sealed_home(folder / "sealed")
        patched.setenv(VARIABLE, urls["reviewed"])
        home, _ = make_reviewed_home(folder / "reviewed", customers=tuple(ZONES))
        with home:
            ingest(home, SENT)
            close(home, as_of=DRAFTED_AT)
        with open_home(folder / "reviewed", clock=SteppedClock(IN_THE_WINDOW)) as home:
            ingest(home, [call(9001, "acme", "2026-01-05T00:00:00Z", tokens=900)], "late.ndjson")
        copied(urls["redrafted"], urls["reviewed"])
        shutil.copytree(folder / "reviewed", folder / "redrafted")
        patched.setenv(VARIABLE, urls["redrafted"])
        with open_home(folder / "redrafted", clock=SteppedClock(IN_THE_WINDOW)) as redrafted:
            decide(redrafted, "redraft")
            assert latest(redrafted).delta is not None
    return Ready({name: folder / name for name in urls}, urls, words, {})


def copied(url: str, new: str) -> None:
    """The database of `url` becomes a copy of that of `new`, which nobody uses now."""
    engine = create_engine(
        make_url(url).set(drivername="postgresql+psycopg", database="postgres"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.exec_driver_sql(f'DROP DATABASE "{make_url(url).database}" WITH (FORCE)')
        connection.exec_driver_sql(
            f'CREATE DATABASE "{make_url(url).database}" TEMPLATE "{make_url(new).database}"'
        )
    engine.dispose()


@pytest.fixture(scope="module")
def closers() -> Iterator[Closers]:
    with closers_started() as started:
        yield started


@pytest.mark.parametrize(
    ("verb", "step"),
    [(verb, step) for verb in (*SEALED, *REVIEWED) for step in STEPS] if is_long() else KILLED,
)
def test_a_decision_killed_at_any_transaction_is_there_whole_or_not_at_all(
    ready: Ready,
    closers: Closers,
    tmp_path: Path,
    postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
    verb: str,
    step: str,
) -> None:
    name = ready.home_of(verb)
    now = FEBRUARY_10 if verb in SEALED else IN_THE_WINDOW
    order: dict[str, object] = {
        "decide": [verb, *ready.ordered(verb)],
        "now": [int(now)],
        "environment": {VARIABLE: postgres_url},
    }
    monkeypatch.setenv(VARIABLE, postgres_url)
    whole = once(ready, verb, SteppedClock(now), tmp_path, postgres_url, monkeypatch)
    for passed in range(1, PASSED_MAX):
        copied(postgres_url, ready.urls[name])
        folder = tmp_path / f"home-{passed}"
        shutil.copytree(ready.folders[name], folder)
        before = counts(folder, now)
        with open_home(folder, clock=SteppedClock(now)) as home:
            sealed = documents_of(home)
        code = closers.close(folder, crash_at=f"{step}:{passed}", **order)
        if code == 0:
            assert passed > 1, "every decision is a transaction of the books"
            return
        assert code == -signal.SIGKILL
        left = counts(folder, now)
        if (passed, step) == (1, "books-before-commit"):
            assert left == before
        with open_home(folder, clock=SteppedClock(now)) as home:
            assert broken_papers(home, sealed_before=sealed) == []
        if left != whole:
            assert closers.close(folder, **order) == 0
            assert counts(folder, now) == whole
            with open_home(folder, clock=SteppedClock(now)) as home:
                assert broken_papers(home, sealed_before=sealed) == []
        tally.injected()
    raise AssertionError(f"{verb} has more than {PASSED_MAX} transactions")


@pytest.mark.parametrize(("verb", "how"), some(LOST, 5))
def test_a_connection_lost_at_the_commit_of_a_decision_leaves_it_once(
    ready: Ready, tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch, verb: str, how: Cut
) -> None:
    name, words = ready.home_of(verb), ready.ordered(verb)
    clock = SteppedClock(FEBRUARY_10 if verb in SEALED else IN_THE_WINDOW)
    copied(postgres_url, ready.urls[name])
    folder = tmp_path / "home"
    shutil.copytree(ready.folders[name], folder)
    url = make_url(postgres_url)
    monkeypatch.setenv(VARIABLE, postgres_url)
    with open_home(folder, clock=clock) as home:
        sealed = documents_of(home)
    before = counts(folder, clock.now())
    with cutting_proxy(Path(str(url.query["host"])) / f".s.PGSQL.{url.port or 5432}") as proxy:
        through = url.set(host="127.0.0.1", port=proxy.port, query={})
        armed = ARMED.get(verb, "books-before-commit")

        def cut(point: str) -> None:
            if point == armed and not proxy.cuts:
                proxy.cut_next(how)

        with monkeypatch.context() as patched:
            patched.setenv(VARIABLE, through.render_as_string(hide_password=False))
            patched.setattr(writing, "crash_point", cut)
            patched.setattr("tieout.store.books.invoices.crash_point", cut)
            patched.setattr("tieout.store.books.disputes.crash_point", cut)
            told: Exception | None = None
            with open_home(folder, clock=clock) as far:
                try:
                    decide(far, verb, *words)
                except Exception as error:  # noqa: BLE001 - what is told is looked at below
                    told = error
            assert proxy.cuts == 1
    left = counts(folder, clock.now())
    assert told is None or isinstance(told, Unavailable), repr(told)
    assert told is not None or left != before, "it is done, says who did not do it"
    with open_home(folder, clock=clock) as home:
        if told is not None:
            try:
                decide(home, verb, *words)
            except Refusal:
                assert left != before, "refused, though nothing is recorded"
        assert broken_papers(home, sealed_before=sealed) == []
    assert counts(folder, clock.now()) == once(ready, verb, clock, tmp_path, postgres_url, monkeypatch)
    tally.injected()


def once(
    ready: Ready,
    verb: str,
    clock: SteppedClock,
    tmp_path: Path,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, int]:
    """What the tables have after it was decided undisturbed."""
    if verb not in ready.whole:
        name = ready.home_of(verb)
        copied(url, ready.urls[name])
        folder = tmp_path / "undisturbed"
        shutil.copytree(ready.folders[name], folder)
        monkeypatch.setenv(VARIABLE, url)
        with open_home(folder, clock=clock) as home:
            decide(home, verb, *ready.ordered(verb))
        ready.whole[verb] = counts(folder, clock.now())
    return ready.whole[verb]
