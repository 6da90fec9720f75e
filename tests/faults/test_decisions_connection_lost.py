"""The connection to PostgreSQL breaks at the COMMIT of what somebody decides: whether it was recorded or not,
deciding it again ends with it recorded once, and no refusal says what is not so."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url

from tests.faults.close_laws import broken_papers, documents_of
from tests.faults.decider import decide
from tests.faults.harness import tally
from tests.faults.network.cutting import Cut, cutting_proxy
from tests.faults.test_corrections_killed import FEBRUARY_10, SENT
from tests.faults.test_every_decision_killed import REVIEWED, SEALED, counts, sealed_home
from tests.reviewed_home import DRAFTED_AT, IN_THE_WINDOW, make_reviewed_home
from tests.small_home import ZONES, ingest
from tieout.flows.close_periods import close
from tieout.gateways.clock import SteppedClock
from tieout.kernel.errors import Refusal, Unavailable
from tieout.store.books import writing
from tieout.wiring import open_home

VARIABLE = "TIEOUT_DATABASE_URL"
DECIDED = ("credit", "void", "pay", "approve", "decide-entry", "decide-line", "waive", "sign-waiver")
SAID = ("approve-draft", "object-to")


@dataclass(frozen=True)
class Ready:
    folders: dict[str, Path]
    urls: dict[str, str]
    words: dict[str, str]


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory, postgres: Iterator[str]) -> Ready:
    folder = tmp_path_factory.mktemp("ready")
    urls = {"sealed": next(postgres), "reviewed": next(postgres)}
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(VARIABLE, urls["sealed"])
        words = sealed_home(folder / "sealed")
        patched.setenv(VARIABLE, urls["reviewed"])
        home, _ = make_reviewed_home(folder / "reviewed", customers=tuple(ZONES))
        with home:
            ingest(home, SENT)
            close(home, as_of=DRAFTED_AT)
    return Ready({name: folder / name for name in urls}, urls, words)


def copied(url: str, new: str) -> None:
    """The database of `url` becomes a copy of that of `new`, which nobody uses now."""
    engine = create_engine(
        make_url(url).set(drivername="postgresql+psycopg", database="postgres"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.exec_driver_sql(f'DROP DATABASE "{make_url(url).database}"')
        connection.exec_driver_sql(
            f'CREATE DATABASE "{make_url(url).database}" TEMPLATE "{make_url(new).database}"'
        )
    engine.dispose()


@pytest.mark.parametrize("how", ["before", "after", "at once"])
@pytest.mark.parametrize("verb", [*DECIDED, *SAID])
def test_a_connection_lost_at_the_commit_of_a_decision_leaves_it_once(
    ready: Ready, tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch, verb: str, how: Cut
) -> None:
    name = "sealed" if verb in SEALED else "reviewed"
    clock = SteppedClock(FEBRUARY_10 if verb in SEALED else IN_THE_WINDOW)
    words = [word.format(**ready.words) for word in {**SEALED, **REVIEWED}[verb]]
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
        armed = "seal-before-commit" if verb == "credit" else "books-before-commit"

        def cut(point: str) -> None:
            if point == armed and not proxy.cuts:
                proxy.cut_next(how)

        with monkeypatch.context() as patched:
            patched.setenv(VARIABLE, through.render_as_string(hide_password=False))
            patched.setattr(writing, "crash_point", cut)
            patched.setattr("tieout.store.books.invoices.crash_point", cut)
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
    whole = counts(folder, clock.now())
    if verb in SAID and told is not None and left != before:
        whole["review_entry"] -= 1  # what people say is a record of its own: said twice, it stands twice
    assert whole == once(ready, name, verb, words, clock, tmp_path, postgres_url, monkeypatch)
    tally.injected()


def once(
    ready: Ready,
    name: str,
    verb: str,
    words: list[str],
    clock: SteppedClock,
    tmp_path: Path,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, int]:
    """What the tables have after it was decided undisturbed."""
    copied(url, ready.urls[name])
    folder = tmp_path / "undisturbed"
    shutil.copytree(ready.folders[name], folder)
    monkeypatch.setenv(VARIABLE, url)
    with open_home(folder, clock=clock) as home:
        decide(home, verb, *words)
    return counts(folder, clock.now())
