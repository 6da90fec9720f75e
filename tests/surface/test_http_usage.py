"""Live usage over HTTP, from the process that follows the log beside the servers: who may see whose, what the
answer states, how soon it is there, and as a stream.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.small_home import call, catalog_text
from tests.surface.conftest import in_process
from tests.surface.served import Served, ndjson
from tieout.flows.api_keys import create_api_key
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.retract_event import Decision, retract_event
from tieout.kernel.instant import format_instant
from tieout.wiring import create_home

SEEN_SECONDS_MAX = 1.0
"""DESIGN section 12: acknowledged to visible. Beside other tests a machine may be slower, so three times."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("live") / "home"
    catalog = folder.parent / "catalog.toml"
    catalog.write_text(catalog_text().replace('unit = "call"', 'unit = "call"\ndimensions = ["environment"]'))
    with create_home(folder) as home:
        apply_catalog(home, catalog)
        _, token = create_api_key(home, name="gateway", role="source", sources=["gateway"])
    served = Served(folder, token)
    served.start(workers=2)
    yield served
    assert served.stop() == 0
    assert "Traceback" not in "".join(served.told)


@pytest.fixture(scope="module")
def finance(served: Served) -> str:
    return served.key(role="finance")[1]


def now(served: Served) -> str:
    with served.home() as home:
        return format_instant(home.clock.now())


def ask(served: Served, token: str, query: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"}
    return httpx.get(f"{served.address}/v1/usage{query}", headers=headers, timeout=60)


def calls(answer: dict[str, Any]) -> str:
    return next(str(row["quantity"]) for row in answer["rows"] if row["meter"] == "calls")


def seen(served: Served, token: str, customer: str, expected: str) -> float:
    """Seconds until the usage is there."""
    begin = time.monotonic()
    while calls(ask(served, token, f"?customer={customer}").json()) != expected:
        assert time.monotonic() - begin < 30, f"{expected} calls of {customer} are not seen"
        time.sleep(0.01)
    return time.monotonic() - begin


def test_what_was_acknowledged_is_seen_and_taken_back(served: Served, finance: str) -> None:
    seen(served, finance, "acme", "0")
    time.sleep(1)  # everything has started
    sent = [call(n, "acme", now(served), environment="production") for n in range(5)]
    served.receipt(ndjson(sent))
    assert seen(served, finance, "acme", "5") < 3 * SEEN_SECONDS_MAX
    served.receipt(ndjson([call(n, "acme", now(served), environment="staging") for n in range(5, 7)]))
    with served.home() as home:
        retract_event(home, source="gateway", event_id="e0", decision=Decision("a test", "Ada"))
    assert seen(served, finance, "acme", "4") < 3 * SEEN_SECONDS_MAX
    answer = ask(served, finance, "?customer=acme&group_by=environment&window=day").json()
    row = next(row for row in answer["rows"] if row["meter"] == "calls")
    assert (row["excluded_count"], row["retracted_count"]) == (2, 1)
    assert row["groups"] == [{"by": {"environment": "production"}, "quantity": "4", "event_count": 4}]
    days = [each for each in answer["windows"] if each["meter"] == "calls"]
    assert sum(int(each["quantity"]) for each in days) == 4
    with served.home() as home:
        assert answer["watermark"] == home.log.head()
        assert answer["as_of"] == format_instant(home.log.received_at(home.log.head()) or 0)  # type: ignore[arg-type]
    shown = in_process("usage", "acme", "--json", "--home", str(served.folder), "--group-by", "environment")
    mine = next(row for row in json.loads(shown.out)["rows"] if row["meter"] == "calls")
    assert (mine["quantity"], mine["groups"]) == ("4", row["groups"]), "as the command line"
    before = ask(served, finance, "?customer=acme&at_batch=1").json()
    assert (before["watermark"], calls(before)) == (1, "5")


def test_a_customer_sees_itself_alone(served: Served) -> None:
    _, own = served.key(role="customer", customer="birch")
    assert ask(served, own, "").json()["customer"] == "birch"
    assert ask(served, own, "?customer=birch").status_code == 200
    assert served.post(b"{}", token=own).status_code == 403, "it may not send events"
    refused = ask(served, own, "?customer=acme")
    assert (refused.status_code, refused.json()["code"]) == (403, "customer-forbidden")
    assert ask(served, own, "/stream?customer=acme").status_code == 403
    assert ask(served, served.token, "?customer=acme").status_code == 403, "a sender may not"


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("", 422, "customer"),
        ("?customer=nobody", 404, "nobody"),
        ("?customer=acme&color=red", 400, "color"),
        ("?customer=acme&customer=birch", 400, "once"),
        ("?customer=acme&window=week", 422, "hour or day"),
        ("?customer=acme&at_batch=-1", 422, "at_batch"),
        ("?customer=acme&at_batch=999999", 404, "999999"),
        ("?customer=acme&group_by=colour", 422, "environment"),
        ("/stream?customer=acme&window=day", 400, "window"),
        ("/stream?customer=nobody", 404, "nobody"),
    ],
)
def test_bad_questions_are_told(served: Served, finance: str, query: str, status: int, said: str) -> None:
    answer = ask(served, finance, query)
    assert answer.status_code == status, answer.text
    assert said in answer.json()["detail"]


def test_a_stream_tells_what_changes(served: Served, finance: str) -> None:
    told: list[dict[str, Any]] = []
    came = threading.Event()

    def read() -> None:
        headers = {"authorization": f"Bearer {finance}"}
        url = f"{served.address}/v1/usage/stream?customer=cedar"
        with httpx.stream("GET", url, headers=headers, timeout=60) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    told.append(json.loads(line.removeprefix("data: ")))
                    came.set()
                    if calls(told[-1]) == "3":
                        return

    reader = threading.Thread(target=read)
    reader.start()
    assert came.wait(30), "the first is told at once"
    assert calls(told[0]) == "0"
    served.receipt(ndjson([call(100 + n, "cedar", now(served)) for n in range(3)]))
    reader.join(30)
    assert not reader.is_alive() and calls(told[-1]) == "3"


def test_a_reader_that_reads_nothing_holds_nobody_up(served: Served, finance: str) -> None:
    """Its connection stays open and unread while others send and are answered."""
    headers = {"authorization": f"Bearer {finance}"}
    url = f"{served.address}/v1/usage/stream?customer=acme"
    with httpx.stream("GET", url, headers=headers, timeout=60):
        for n in range(30):
            served.receipt(ndjson([call(1_000 + n, "acme", now(served))]))
        assert ask(served, finance, "?customer=acme").status_code == 200
