"""A close killed at any of its steps is finished by the next one: nobody skipped, nobody twice, no number
lost, the same bytes.

The steps are found in the sources, and each is tried as often as it is passed, so a new one is covered by
itself.
"""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.close_laws import Expected, broken_laws, documents_of, traced
from tests.faults.closers import Closers, closers_started, steps_of_the_close
from tests.faults.harness import tally
from tests.small_home import FEBRUARY_3, ZONES, ingest, january, make_home
from tieout.gateways.clock import SteppedClock
from tieout.kernel.instant import DAY_MICROSECONDS, Instant
from tieout.wiring import open_home

PER_CUSTOMER = 5
DUE = Expected(dict.fromkeys(ZONES, 1), events=PER_CUSTOMER * len(ZONES))
ALONE = 1
"""Rows of a transaction: so few that each invoice is sealed alone."""
PASSED_MAX = 12


@dataclass(frozen=True)
class Ready:
    """A home whose January is due and not closed, and the bytes that a close makes of it undisturbed."""

    folder: Path
    undisturbed: dict[str, bytes]


@pytest.fixture(scope="module")
def closers() -> Iterator[Closers]:
    with closers_started() as started:
        yield started


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory, closers: Closers) -> Ready:
    folder = tmp_path_factory.mktemp("ready")
    home, _ = make_home(folder / "home", now=FEBRUARY_3)
    with home:
        ingest(home, january(PER_CUSTOMER))
    shutil.copytree(folder / "home", folder / "undisturbed")
    assert closers.close(folder / "undisturbed") == 0
    return Ready(folder / "home", sealed_documents(folder / "undisturbed"))


def sealed_documents(folder: Path) -> dict[str, bytes]:
    with open_home(folder, clock=SteppedClock(FEBRUARY_3)) as home:
        return documents_of(home)


@pytest.mark.parametrize(
    ("rows", "workers"),
    [(ALONE, 1), (500, 1), (ALONE, 2)],
    ids=["each alone", "all together", "drafted by workers"],
)
@pytest.mark.parametrize("step", steps_of_the_close())
def test_a_close_killed_at_any_step_is_finished_by_the_next(
    ready: Ready, closers: Closers, tmp_path: Path, step: str, rows: int, workers: int
) -> None:
    for passed in range(1, PASSED_MAX):
        folder = tmp_path / f"home-{passed}"
        shutil.copytree(ready.folder, folder)
        code = closers.close(folder, crash_at=f"{step}:{passed}", rows=rows, workers=workers)
        if code == 0:
            assert passed > 1, f"no close passes {step}: it is a step of something else"
            return
        assert code == -signal.SIGKILL
        survived = sealed_documents(folder)
        assert survived.items() <= ready.undisturbed.items()
        assert closers.close(folder, rows=rows, workers=workers) == 0
        with open_home(folder, clock=SteppedClock(FEBRUARY_3)) as home:
            assert broken_laws(home, DUE, sealed_before=ready.undisturbed) == []
            assert traced(home, documents_of(home))
        tally.injected()
        shutil.rmtree(folder)
    raise AssertionError(
        f"{step} is passed more than {PASSED_MAX} times: the home is too large for this test"
    )


@pytest.mark.parametrize("rows", [ALONE, 30], ids=["each alone", "two together"])
def test_eight_closes_at_once_seal_each_account_once(
    ready: Ready, closers: Closers, tmp_path: Path, rows: int
) -> None:
    folder = tmp_path / "home"
    shutil.copytree(ready.folder, folder)
    assert closers.close_at_once(folder, 8, rows=rows) == [0] * 8
    with open_home(folder, clock=SteppedClock(FEBRUARY_3)) as home:
        assert broken_laws(home, DUE, sealed_before=ready.undisturbed) == []
    tally.injected(8)


def test_a_clock_that_steps_back_between_and_during_closes_changes_no_sealed_byte(
    ready: Ready, closers: Closers, tmp_path: Path
) -> None:
    folder = tmp_path / "home"
    shutil.copytree(ready.folder, folder)
    back = [int(FEBRUARY_3) - days * DAY_MICROSECONDS for days in (0, 40, 1, 60, 3, 90)]
    assert closers.close(folder, now=back, rows=ALONE, crash_at="seal-after-commit:2") == -signal.SIGKILL
    survived = sealed_documents(folder)
    assert len(survived) == 2
    long_before = int(FEBRUARY_3) - 60 * DAY_MICROSECONDS
    assert closers.close(folder, now=[long_before], as_of=long_before) == 0
    assert sealed_documents(folder) == survived
    assert closers.close(folder, now=[int(FEBRUARY_3), long_before, int(FEBRUARY_3), long_before]) == 0
    with open_home(folder, clock=SteppedClock(Instant(FEBRUARY_3))) as home:
        assert broken_laws(home, DUE, sealed_before=survived) == []
        assert traced(home, documents_of(home))
    tally.injected(3)
