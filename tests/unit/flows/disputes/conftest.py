"""A home whose January is sealed, with its key and its owners: made once for a file, copied for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.disputes import disputed_home
from tests.small_home import FEBRUARY_3
from tieout.flows.home import Home
from tieout.gateways.clock import SteppedClock
from tieout.wiring import open_home


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home, _ = disputed_home(tmp_path_factory.mktemp("disputed") / "home")
    home.close()
    return home.folder


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock(FEBRUARY_3)


@pytest.fixture
def home(template: Path, tmp_path: Path, clock: SteppedClock) -> Iterator[Home]:
    folder = Path(shutil.copytree(template, tmp_path / "home"))
    with open_home(folder, clock=clock) as found:
        yield found
