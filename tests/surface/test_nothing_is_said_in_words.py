"""Where there is nothing to show, a list says so in words, and no frame of a table."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.surface.conftest import in_process

NOTHING = [
    (("alert", "check"), "No rule reads anything now."),
    (("notice", "log"), "There is no message."),
    (("notice", "log", "--target", "ops"), "There is no such message."),
    (("correction", "errors"), "No billing error that was credited waits for its repair."),
    (("correction", "list"), "No correction was previewed."),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nothing") / "home"
    assert in_process("init", "--home", str(folder)).code == 0
    return folder


@pytest.mark.parametrize(("verb", "said"), NOTHING)
def test_what_is_empty_says_so(home: Path, verb: tuple[str, ...], said: str) -> None:
    ran = in_process(*verb, "--home", str(home))
    assert (ran.code, ran.out.strip()) == (0, said)
