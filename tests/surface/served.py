"""A real server of a real home, and the little that its tests say to it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.left_over import SERVERS
from tieout.api.limits import KEYS_SECONDS
from tieout.flows.api_keys import create_api_key
from tieout.flows.apply_catalog import apply_catalog
from tieout.ports import LogVerification
from tieout.wiring import DATABASE_URL_VARIABLE, Home, create_home, open_home

NDJSON = "application/x-ndjson"
JSON = "application/json"
SERVING = re.compile(r"serving .* on (http://\S+:([0-9]+)) with")
CATALOG = """
[[event]]
type = "api.call"
version = 1
effective_from = 2020-01-01T00:00:00Z
description = "One call."
[event.fields.tokens]
type = "integer"
use = "billing"
minimum = "0"
"""


def event(id: str, tokens: object = 1, *, source: str = "gateway", **changes: object) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": id,
        "source": source,
        "type": "api.call",
        "subject": "team-1",
        "time": "2026-02-14T12:00:00Z",
        "data": {"tokens": tokens},
        **changes,
    }


def ndjson(events: Sequence[object]) -> bytes:
    return b"".join(json.dumps(item).encode() + b"\n" for item in events)


@dataclass
class Served:
    """A home and the address of a server of it; `post` sends as the key of the source `gateway`."""

    folder: Path
    token: str
    url: str | None = None
    process: subprocess.Popen[str] | None = None
    address: str = ""
    port: int = 0
    told: list[str] = field(default_factory=list)

    def post(
        self, content: bytes, kind: str = NDJSON, *, token: str | None = None, **headers: str
    ) -> httpx.Response:
        sent = {"authorization": f"Bearer {self.token if token is None else token}", "content-type": kind}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.post(f"{self.address}/v1/events", content=content, headers=sent | named, timeout=60)

    def receipt(self, content: bytes, kind: str = NDJSON, **more: str) -> dict[str, Any]:
        answer = self.post(content, kind, **more)
        assert answer.status_code == 200, answer.text
        receipt: dict[str, Any] = answer.json()
        counts = [receipt[name] for name in ("accepted", "duplicate", "conflict", "quarantined")]
        assert receipt["received"] == sum(counts), "law L1"
        assert len(receipt["not_accepted"]) == receipt["received"] - receipt["accepted"]
        return receipt

    def key(self, *sources: str, role: str = "source", customer: str | None = None) -> tuple[str, str]:
        """(key id, token) of a new key, known to the server when it returns."""
        with self.home() as home:
            key, token = create_api_key(home, name="test", role=role, sources=sources, customer=customer)
        time.sleep(KEYS_SECONDS + 0.3)
        return key.key_id, token

    def home(self) -> Home:
        return opened(self.folder, self.url)

    def verified(self) -> LogVerification:
        with self.home() as home:
            verification = home.log.verify()
        assert verification.findings == ()
        return verification

    def start(self, *, workers: int = 2, delivers: bool = False, **environment: str) -> None:
        """Without the processes that close (`tests/faults/test_closer.py` has that) and deliver notices."""
        command = [sys.executable, "-m", "tieout.cli", "serve", "--no-close"]
        command += [] if delivers else ["--no-deliver"]
        surroundings = {"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path), **environment}
        if self.url is not None:
            surroundings[DATABASE_URL_VARIABLE] = self.url
        self.process = subprocess.Popen(
            [*command, "--home", str(self.folder), "--port", "0", "--workers", str(workers)],
            stderr=subprocess.PIPE,
            text=True,
            env=surroundings,
        )
        SERVERS.add(self.process)
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.told.append(line)
            found = SERVING.search(line)
            if found:
                self.address, self.port = found[1], int(found[2])
                return
        raise AssertionError(f"the server did not start: {self.told}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ends the server and returns its exit code; what it said is added to `told`."""
        assert self.process is not None and self.process.stderr is not None
        self.process.send_signal(number)
        self.told += self.process.stderr.readlines()
        code = self.process.wait(60)
        SERVERS.discard(self.process)
        self.process = None
        return code

    def processes(self) -> list[int]:
        """All below the server: its workers, and those beside them."""
        assert self.process is not None
        return sorted(
            int(entry)
            for entry in os.listdir("/proc")
            if entry.isdigit() and parent_of(int(entry)) == self.process.pid
        )

    def workers(self) -> list[int]:
        """Those that answer requests: the others give way to them, and so are told apart."""
        assert self.process is not None
        ours = os.getpriority(os.PRIO_PROCESS, self.process.pid)
        return [each for each in self.processes() if priority_of(each) == ours]

    def connection(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)


def priority_of(process: int) -> int | None:
    """None: it has ended."""
    try:
        return os.getpriority(os.PRIO_PROCESS, process)
    except ProcessLookupError:
        return None


def parent_of(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def opened(folder: Path, url: str | None = None) -> Home:
    with database(url):
        return open_home(folder)


class database:
    """For a moment, the database that a home is opened with."""

    def __init__(self, url: str | None) -> None:
        self._url = url

    def __enter__(self) -> None:
        self._before = os.environ.pop(DATABASE_URL_VARIABLE, None)
        if self._url is not None:
            os.environ[DATABASE_URL_VARIABLE] = self._url

    def __exit__(self, *_: object) -> None:
        os.environ.pop(DATABASE_URL_VARIABLE, None)
        if self._before is not None:
            os.environ[DATABASE_URL_VARIABLE] = self._before


def make_served(folder: Path, url: str | None = None) -> Served:
    """A home with one event type and one key, not served yet."""
    catalog = folder.parent / f"{folder.name}-catalog.toml"
    catalog.write_text(CATALOG)
    with database(url), create_home(folder) as home:
        apply_catalog(home, catalog)
        _, token = create_api_key(home, name="gateway", role="source", sources=["gateway"])
    return Served(folder, token, url)


def eventually(holds: object, *, seconds: float = 10) -> None:
    """Waits until `holds()` is true."""
    assert callable(holds)
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.02)
