"""A run of notes is ended when they are sealed or refused, and stays open where nobody knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.small_home import FEBRUARY_3, make_home
from tieout.flows.home import Home
from tieout.flows.note_run import note_run
from tieout.kernel.errors import ConflictError, TieoutError, Unavailable


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made, _ = make_home(tmp_path / "home", now=FEBRUARY_3)
    with made:
        yield made


def run_of(home: Home, error: TieoutError | None) -> int:
    with note_run(home, cutoff=home.log.head(), now=home.clock.now()) as run:
        assert home.books.heads.of_run(run) is not None, "its head comes first"
        if error is not None:
            raise error
    return run


def test_it_ends_with_what_is_sealed_or_refused(home: Home) -> None:
    run = run_of(home, None)
    assert home.books.closes.last_ended() == (run, FEBRUARY_3)
    with pytest.raises(ConflictError):
        run_of(home, ConflictError("somebody was faster"))
    assert home.books.closes.last_ended() == (run + 1, FEBRUARY_3)


def test_it_stays_open_where_nobody_knows_what_became_of_it(home: Home) -> None:
    with pytest.raises(Unavailable):
        run_of(home, Unavailable("the connection was lost"))
    assert home.books.closes.last_ended() is None
    assert len(home.books.closes.runs()) == 1
