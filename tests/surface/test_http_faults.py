"""What was acknowledged over HTTP is stored, whatever dies: shut down under load, killed, cut after commit.

Each client keeps a journal of what it was told. The naive model: acknowledged is a subset of stored, no
identity is stored twice, and a retry of everything finds everything.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.surface.conftest import tieout
from tests.surface.served import NDJSON, Served, event, eventually, make_served, ndjson
from tieout.kernel.ids import EventType, Subject
from tieout.kernel.instant import parse_instant
from tieout.kernel.period import Period
from tieout.wiring import DATABASE_URL_VARIABLE

YEAR = Period(parse_instant("2026-01-01T00:00:00Z"), parse_instant("2027-01-01T00:00:00Z"))
ITEMS = 7
SENDING_SECONDS_MAX = 120
"""A client whose test has failed does not go on for ever."""
CATALOG_SECONDS = 0.6


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str | None:
    """None for SQLite files; else an empty database of the server."""
    return None if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


class Client(threading.Thread):
    """Sends batch after batch until told to stop; goes on after a failure with the next."""

    def __init__(self, served: Served, name: str, *, identities: int | None = None) -> None:
        super().__init__(daemon=True)
        self._served = served
        self._name = name
        self._identities = identities
        self.told: list[tuple[list[dict[str, object]], dict[str, Any]]] = []
        self.sent: list[dict[str, object]] = []
        self.statuses: set[int] = set()
        self.stopping = threading.Event()

    def batch(self, number: int) -> list[dict[str, object]]:
        """Ids of its own, or those that all clients send, some with a content of its own."""
        if self._identities is None:
            return [event(f"{self._name}-{number}-{place}", number) for place in range(ITEMS)]
        places = [(number * ITEMS + place * 3) % self._identities for place in range(ITEMS)]
        owner = int(self._name[1:])
        return [event(f"e{place}", place * 100 + (owner if place % 5 == 0 else 0)) for place in places]

    def run(self) -> None:
        number = 0
        connection: http.client.HTTPConnection | None = None
        until = time.monotonic() + SENDING_SECONDS_MAX
        while not self.stopping.is_set() and time.monotonic() < until:
            items = self.batch(number)
            number += 1
            self.sent += items
            connection = connection or http.client.HTTPConnection("127.0.0.1", self._served.port, timeout=60)
            try:
                headers = {"authorization": f"Bearer {self._served.token}", "content-type": NDJSON}
                connection.request("POST", "/v1/events", ndjson(items), headers)
                answer = connection.getresponse()
                content = answer.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                connection = None
                time.sleep(0.02)
                continue
            self.statuses.add(answer.status)
            if answer.status == 200:
                self.told.append((items, json.loads(content)))


def stored(served: Served) -> dict[str, object]:
    with served.home() as home:
        span = {Subject("team-1"): [YEAR]}
        found = list(home.log.events(span, frozenset({EventType("api.call")}), watermark=home.log.head()))
    assert len({item.event.id for item in found}) == len(found), "law L3"
    return {item.event.id: item.event.fields["tokens"] for item in found}


def nothing_is_lost(served: Served, clients: list[Client]) -> None:
    report = served.verified()
    with served.home() as home:
        assert sum(tally.items for tally in home.log.tallies()) == report.received, "law L1"
    known = stored(served)
    acknowledged = {str(item["id"]): item for client in clients for items, _ in client.told for item in items}
    sent = {str(item["id"]) for client in clients for item in client.sent}
    assert acknowledged, "nothing was acknowledged: the test saw nothing"
    assert acknowledged.keys() <= known.keys(), "law L2: acknowledged and not stored"
    assert known.keys() <= sent
    for client in clients:
        for _, receipt in client.told:
            assert receipt["received"] == ITEMS


def test_a_server_told_to_end_answers_what_it_took_in_and_loses_nothing(tmp_path: Path) -> None:
    served = make_served(tmp_path / "home")
    served.start()
    clients = [Client(served, f"c{number}") for number in range(8)]
    for client in clients:
        client.start()
    eventually(lambda: all(len(client.told) > 3 for client in clients), seconds=30)
    began = time.monotonic()
    assert served.stop() == 0
    assert time.monotonic() - began < 10
    for client in clients:
        client.stopping.set()
    for client in clients:
        client.join(60)
    assert set().union(*(client.statuses for client in clients)) <= {200, 503}
    assert "Traceback" not in "".join(served.told)
    nothing_is_lost(served, clients)


@pytest.mark.parametrize("point", ["shutdown-told", "shutdown-drained", "shutdown-counted"])
def test_a_server_killed_while_it_ends_loses_nothing(tmp_path: Path, point: str) -> None:
    """Each worker dies at the point; what it acknowledged is stored, and a retry of all doubles nothing."""
    served = make_served(tmp_path / "home")
    served.start(CRASH_AT=point)
    clients = [Client(served, f"c{number}") for number in range(6)]
    for client in clients:
        client.start()
    eventually(lambda: all(len(client.told) > 3 for client in clients), seconds=30)
    served.stop()
    assert sum("ended with -9 while the server ended" in line for line in served.told) == 2
    for client in clients:
        client.stopping.set()
    for client in clients:
        client.join(60)
    nothing_is_lost(served, clients)
    served.start()
    items = [item for client in clients for item in client.sent]
    again = served.receipt(ndjson(items))
    assert again["conflict"] == again["quarantined"] == 0
    assert served.stop() == 0
    assert len(stored(served)) == len(items)


def test_workers_killed_under_load_lose_nothing_and_a_retry_finds_everything(tmp_path: Path) -> None:
    served = make_served(tmp_path / "home")
    served.start()
    running = len(served.processes())
    clients = [Client(served, f"c{number}") for number in range(6)]
    for client in clients:
        client.start()
    for _ in range(4):
        before = sum(len(client.told) for client in clients)
        eventually(
            lambda before=before: sum(len(client.told) for client in clients) > before + 12, seconds=30
        )
        eventually(lambda: len(served.workers()) == 2)
        os.kill(served.workers()[0], signal.SIGKILL)
    eventually(lambda: len(served.workers()) == 2 and len(served.processes()) == running)
    for client in clients:
        client.stopping.set()
    for client in clients:
        client.join(60)
    items = [item for client in clients for item in client.sent]
    again = served.receipt(ndjson(items))
    lost = {str(items[row["index"]]["id"]) for row in again["not_accepted"]}
    told = {str(item["id"]) for client in clients for batch, _ in client.told for item in batch}
    assert told <= lost, "a retry of what was acknowledged is a duplicate"
    assert again["conflict"] == again["quarantined"] == 0
    assert served.stop() == 0
    assert sum("worker" in line and "ended with -9" in line for line in served.told) == 4
    assert len(stored(served)) == len(items)
    nothing_is_lost(served, clients)


def test_a_worker_that_was_started_again_lives_and_ends_as_the_first_one(tmp_path: Path) -> None:
    """It has nobody to tell that it is ready; it is drained and stores its counts all the same."""
    served = make_served(tmp_path / "home")
    served.start(workers=1)
    first, count = served.workers()[0], len(served.processes())
    os.kill(first, signal.SIGKILL)
    eventually(lambda: first not in served.workers() and len(served.processes()) == count)
    assert served.receipt(ndjson([event("after")]))["accepted"] == 1
    assert served.post(b"", token="nobody").status_code == 401
    assert served.stop() == 0
    assert "Traceback" not in "".join(served.told), served.told
    with served.home() as home:
        assert [told.requests for told in home.pipeline.refused_requests(since=None)] == [1]


def test_a_reply_that_is_cut_after_the_commit_is_found_by_its_key(tmp_path: Path) -> None:
    """The worker dies between commit and answer; the same key then finds the receipt, and nothing doubles."""
    served = make_served(tmp_path / "home")
    served.start(workers=1, CRASH_AT="ingest-after-commit:2")
    count = len(served.processes())
    assert served.receipt(ndjson([event("before")]))["accepted"] == 1
    body = ndjson([event("cut"), {"no": "event"}])
    with pytest.raises(Exception, match=r"(?i)disconnect|reset|closed"):
        served.post(body, Idempotency_Key="cut-1")
    eventually(lambda: len(served.processes()) == count)
    answer = served.post(body, Idempotency_Key="cut-1")
    assert answer.headers["idempotent-replayed"] == "true"
    assert (answer.json()["accepted"], answer.json()["quarantined"]) == (1, 1)
    assert served.receipt(ndjson([event("cut")]))["duplicate"] == 1
    assert served.stop() == 0
    assert served.verified().received == 4


def test_two_servers_and_the_command_line_write_one_home_at_once(tmp_path: Path, url: str | None) -> None:
    """Overlapping identities, some with other content: each is accepted once, and the first position wins."""
    served = make_served(tmp_path / "home", url)
    other = Served(served.folder, served.token, url)
    served.start()
    other.start()
    identities = 120
    clients = [Client([served, other][n % 2], f"c{n}", identities=identities) for n in range(6)]
    for client in clients:
        client.start()
    file = tmp_path / "more.ndjson"
    file.write_bytes(ndjson([event(f"e{n}", n * 100) for n in range(identities)]))
    environment = {"TIEOUT_HOME": str(served.folder)} | ({DATABASE_URL_VARIABLE: url} if url else {})
    ran = [tieout("ingest", str(file), "--json", **environment) for _ in range(2)]
    assert {one.code for one in ran} == {0}, ran
    eventually(lambda: all(len(client.told) > 5 for client in clients), seconds=60)
    for client in clients:
        client.stopping.set()
    for client in clients:
        client.join(60)
    assert (served.stop(), other.stop()) == (0, 0)
    assert set().union(*(client.statuses for client in clients)) == {200}
    report = served.verified()
    known = stored(served)
    by_line = ran[0].json[0], ran[1].json[0]
    accepted = sum(receipt["accepted"] for client in clients for _, receipt in client.told)
    assert accepted + sum(one["accepted"] for one in by_line) == len(known) == identities
    told = sum(receipt["received"] for client in clients for _, receipt in client.told)
    assert told + sum(one["received"] for one in by_line) == report.received, "law L1"
    for client in clients:
        for items, receipt in client.told:
            fates = {row["index"]: row["verdict"] for row in receipt["not_accepted"]}
            for index, item in enumerate(items):
                tokens, fate = item["data"]["tokens"], fates.get(index, "accepted")  # type: ignore[index]
                assert (known[str(item["id"])] == tokens) == (fate != "conflict"), "first position wins"


def test_a_store_that_breaks_fails_the_request_and_a_new_worker_goes_on(tmp_path: Path) -> None:
    """The index folder cannot be written for a while: 503, the worker ends, another one starts."""
    served = make_served(tmp_path / "home")
    served.start(workers=1)
    first, count = served.workers()[0], len(served.processes())
    assert served.receipt(ndjson([event("e0")]))["accepted"] == 1
    (served.folder / "log.lock").rename(served.folder / "log.lock.kept")
    (served.folder / "log.lock").mkdir()
    answer = served.post(ndjson([event("e1")]))
    assert (answer.status_code, answer.json()["code"]) == (503, "store-broken")
    assert answer.headers["retry-after"]
    (served.folder / "log.lock").rmdir()
    (served.folder / "log.lock.kept").rename(served.folder / "log.lock")
    eventually(lambda: first not in served.workers() and len(served.processes()) == count)
    assert served.receipt(ndjson([event("e1")]))["accepted"] == 1
    assert served.stop() == 0
    assert served.verified().received == 2


def test_a_database_that_hangs_up_is_told_and_the_worker_goes_on(tmp_path: Path, postgres_url: str) -> None:
    """Whatever was being read, books or log: 503 at most, and the next request is answered."""
    served = make_served(tmp_path / "home", postgres_url)
    served.start(workers=1)
    first = served.workers()[0]
    sent = 0
    for _ in range(4):
        time.sleep(CATALOG_SECONDS)  # the catalog is read again before the next group
        hang_up(postgres_url)
        sent += 1
        answer = served.post(ndjson([event(f"e{sent}")]))
        assert answer.status_code in (200, 503), answer.text
        eventually(lambda sent=sent: served.post(ndjson([event(f"e{sent}")])).status_code == 200)
    assert first in served.workers(), "the worker is the one that it was"
    assert served.stop() == 0
    assert "Traceback" not in "".join(served.told), "".join(served.told)[:3000]
    assert served.verified().accepted == sent


def hang_up(url: str) -> None:
    """Ends every other connection of the database."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
