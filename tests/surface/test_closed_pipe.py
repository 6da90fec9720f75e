"""Whoever reads the output may go away before its end, as `head` does."""

from __future__ import annotations

import subprocess
import sys

from tests.surface.conftest import DemoHome


def test_a_reader_who_goes_away_is_no_difference_and_no_complaint(demo_home: DemoHome) -> None:
    command = [
        sys.executable,
        "-m",
        "tieout.cli",
        "catalog",
        "show",
        "--json",
        "--home",
        str(demo_home.folder),
    ]
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as running:
        assert running.stdout is not None and running.stderr is not None
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait(timeout=60) == 141
