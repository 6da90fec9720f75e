"""One server of commands for the tests of a process, started when the first is asked for."""

from __future__ import annotations

import atexit
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile, mkdtemp

from tests.commands import asking

ROOT = Path(__file__).parents[2]


@cache
def server() -> str:
    """Its address. It ends with this process."""
    folder = Path(mkdtemp(prefix="tieout-commands-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    address = str(folder / "socket")
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.commands.server", address],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path), "LANG": "C.UTF-8"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdin is not None
    assert process.stdout.readline() == "ready\n"
    atexit.register(process.wait)
    atexit.register(process.stdin.close)
    return address


def run(*arguments: str, environment: Mapping[str, str], folder: Path | None = None) -> tuple[int, str, str]:
    """Exit code, output and messages of one command that has no input."""
    address = server()
    with TemporaryFile() as out, TemporaryFile() as err, Path("/dev/null").open("rb") as nothing:
        streams = (nothing.fileno(), out.fileno(), err.fileno())
        where = None if folder is None else str(folder)
        code = asking.ask(address, arguments, environment=environment, streams=streams, folder=where)
        out.seek(0)
        err.seek(0)
        return code, out.read().decode(), err.read().decode()


def make_program(folder: Path) -> None:
    """`tieout` in this folder, for shells: what it runs is a fork of the server."""
    program = folder / "tieout"
    words = [sys.executable, "-IS", asking.__file__, server()]
    program.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    program.chmod(0o755)
