"""Servers that tests have started and not stopped: what a failed test leaves would slow all that follow."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

SERVERS: set[subprocess.Popen[str]] = set()


@contextmanager
def none_left() -> Iterator[None]:
    """Those that are started inside are ended, and their children with them: these end without a parent."""
    before = set(SERVERS)
    try:
        yield
    finally:
        for server in SERVERS - before:
            server.kill()
            server.wait()
            SERVERS.discard(server)
