"""One small demo home for every test that only reads it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.commands.running import run
from tieout.cli.app import app


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def in_process(*arguments: str, **environment: str) -> Ran:
    """The same without the second that a process takes to start; for what does not depend on the process."""
    result = CliRunner().invoke(app, list(arguments), env=environment)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(result.exit_code, result.stdout, result.stderr)


def tieout(*arguments: str, **environment: str) -> Ran:
    """Run `tieout` as a user does, with nothing of the test's own environment but the path; a fork of a
    process that has started (`tests/commands`).
    """
    return Ran(*run(*arguments, environment=surroundings(environment)))


def tieout_started(*arguments: str, **environment: str) -> Ran:
    """The same in a process that starts; for a few tests, since it takes a second of the processor."""
    done = subprocess.run(
        [sys.executable, "-m", "tieout.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=surroundings(environment),
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def surroundings(environment: Mapping[str, str]) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path), "LANG": "C.UTF-8", **environment}


@dataclass(frozen=True)
class DemoHome:
    """The folder that a small demo left, and the summary that it printed."""

    folder: Path
    summary: dict[str, Any]

    def run(self, *arguments: str, **environment: str) -> Ran:
        """In this process, unless the environment matters."""
        start = tieout if environment else in_process
        return start(*arguments, TIEOUT_HOME=str(self.folder), **environment)


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> DemoHome:
    folder = tmp_path_factory.mktemp("demo") / "demo-home"
    ran = tieout_started("demo", "--json", "--home", str(folder), "--events", "5000")
    assert ran.code == 0, ran.err
    return DemoHome(folder, ran.json)
