"""Documents that show commands tell the truth: what is marked `sh run` is run, the rest are targets of make.

A block opened with `sh run` is run as one script beside a small `demo-home`, as `make demo` leaves one. In a
plain `sh` block only make may stand, with a target that exists; `.ci/run` runs the first two.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.running import make_program

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "src").rglob("README.md")])
DEMO_EVENTS = "4000"


def blocks(text: str, opening: str) -> list[str]:
    """The contents of the fenced blocks that open with exactly this information string."""
    return re.findall(rf"^```{opening}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def shown(opening: str) -> list[tuple[str, str]]:
    return [
        (document.relative_to(ROOT).as_posix(), block)
        for document in DOCUMENTS
        for block in blocks(document.read_text(encoding="utf-8"), opening)
    ]


def targets(makefile: str) -> set[str]:
    """What `make` can be asked for."""
    return set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))


def not_a_target(block: str, known: set[str]) -> list[str]:
    """The lines of a plain block that are not one of the targets of make."""
    wrong = []
    for line in block.splitlines():
        words = [word for word in shlex.split(line, comments=True) if "=" not in word]
        if words and (len(words) != 2 or words[0] != "make" or words[1] not in known):
            wrong.append(line)
    return wrong


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A folder with a demo-home of the demo's own making, and an environment in which `tieout` is found: once
    the program that is installed, then one whose commands are forks (`tests/commands`).
    """
    folder = tmp_path_factory.mktemp("documented")
    programs = Path(sys.executable).parent
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TIEOUT_")}
    environment["PATH"] = f"{programs}{os.pathsep}{environment['PATH']}"
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    subprocess.run(
        ["tieout", "demo", "--home", "demo-home", "--events", DEMO_EVENTS],
        cwd=folder,
        env=environment,
        check=True,
        capture_output=True,
    )
    forking = tmp_path_factory.mktemp("forking")
    make_program(forking)
    return folder, {**environment, "PATH": f"{forking}{os.pathsep}{environment['PATH']}"}


@pytest.mark.parametrize(("document", "block"), shown("sh run"))
def test_a_documented_command_runs(
    document: str, block: str, surroundings: tuple[Path, dict[str, str]]
) -> None:
    folder, environment = surroundings
    script = "set -euo pipefail\n" + block
    ended = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert ended.returncode == 0, f"{document}:\n{block}\n{ended.stdout}\n{ended.stderr}"


@pytest.mark.parametrize(("document", "block"), shown("sh"))
def test_every_other_documented_command_is_a_target(document: str, block: str) -> None:
    assert not_a_target(block, targets((ROOT / "Makefile").read_text())) == [], document


def test_the_readme_shows_what_ci_runs_and_commands_that_are_run() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    first = blocks(readme, "sh")[0].split("\n")
    ci = (ROOT / ".ci" / "run").read_text()
    assert [line.split("#")[0].strip() for line in first[:2]] == ["make demo", "make test"]
    assert all(command in ci for command in ("make demo", "make test"))
    assert blocks(readme, "sh run")


def test_an_unknown_target_is_found() -> None:
    known = targets("demo: x\n\t@run\ntest: y\n")
    assert known == {"demo", "test"}
    assert not_a_target("make demo  # fine\nmake demo DATA=../d\n\n", known) == []
    assert not_a_target("make deploy\nrm -rf x\n", known) == ["make deploy", "rm -rf x"]
