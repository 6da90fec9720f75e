"""Events found over HTTP: what the command line finds, by who may ask, and a sentence for bad input."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.small_home import CATALOG, CUSTOMER
from tests.surface.conftest import in_process
from tests.surface.served import Served, event, make_served, ndjson
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.retract_event import Decision, retract_event

SELLER = "[[seller]]" + CATALOG.partition("[[seller]]")[2]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Thirty events of the gateway, three of another source, one of them retracted."""
    served = make_served(tmp_path_factory.mktemp("found") / "home")
    served.start(workers=1)
    served.receipt(ndjson([event(f"e{n}", n, subject=f"team-{n % 3}") for n in range(30)]))
    _, other = served.key("other")
    priced = {"tokens": 1, "cost": 1.50}
    served.receipt(ndjson([event(f"o{n}", source="other", data=priced) for n in range(3)]), token=other)
    with served.home() as home:
        retract_event(home, source="gateway", event_id="e7", decision=Decision("a test", "Ada"))
    yield served
    assert served.stop() == 0
    assert "Traceback" not in "".join(served.told)
    served.verified()


@pytest.fixture(scope="module")
def finance(served: Served) -> str:
    return served.key(role="finance")[1]


def ask(served: Served, token: str, query: str = "") -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"}
    return httpx.get(f"{served.address}/v1/events{query}", headers=headers, timeout=60)


def page(served: Served, token: str, query: str = "") -> dict[str, Any]:
    answer = ask(served, token, query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert set(found) == {"events", "next", "watermark"}
    return found


def ids(found: dict[str, Any]) -> list[str]:
    return [each["id"] for each in found["events"]]


def test_pages_are_those_of_the_command_line(served: Served, finance: str) -> None:
    ran = in_process("events", "find", "--type", "api.call", "--json", "--home", str(served.folder))
    expected = json.loads(ran.out)["events"]
    assert len(expected) == 33
    found: list[dict[str, Any]] = []
    after = ""
    while True:
        one = page(served, finance, f"?type=api.call&limit=7{after}")
        found += one["events"]
        if one["next"] is None:
            break
        after = f"&after={one['next']}"
    assert found == expected


def test_filters_are_query_parameters(served: Served, finance: str) -> None:
    assert ids(page(served, finance, "?subject=team-1&where=tokens%3D4")) == ["e4"]
    assert ids(page(served, finance, "?id=e5&source=gateway")) == ["e5"]
    assert ids(page(served, finance, "?source=other&where=cost%3D1.5&limit=2")) == ["o0", "o1"]
    assert page(served, finance, "?since=2026-02-15T00:00:00Z&type=api.call")["events"] == []
    assert ids(page(served, finance, "?until=2026-02-15T00:00:00%2B00:00&position=b1.r3")) == ["e3"]
    (other, *_) = page(served, finance, "?source=other&as_of=2")["events"]
    assert other["extras"] == {"cost": "1.50"} or other["extras"] == {"cost": "1.5"}, "a decimal is a string"
    assert page(served, finance, "?as_of=0")["events"] == []


def test_a_retracted_event_names_its_retraction(served: Served, finance: str) -> None:
    (found,) = page(served, finance, "?id=e7")["events"]
    (retraction,) = page(served, finance, "?type=tieout.retraction")["events"]
    assert found["retracted_by"] == retraction["position"]
    assert retraction["data"]["target_id"] == "e7"
    assert page(served, finance, "?id=e8")["events"][0]["retracted_by"] is None


def test_a_sender_sees_its_own_sources_only(served: Served) -> None:
    everything = page(served, served.token)["events"]
    assert {each["source"] for each in everything} == {"gateway"}
    assert len(everything) == 31, "with the retraction, which is an event of the same source"
    assert page(served, served.token, "?id=o1")["events"] == []
    assert page(served, served.token, "?position=b2.r0")["events"] == []
    refused = ask(served, served.token, "?source=other")
    assert (refused.status_code, refused.json()["code"]) == (403, "source-forbidden")
    _, nobody = served.key("silent-*")
    assert page(served, nobody)["events"] == [], "a source that sent nothing sees nothing"
    assert page(served, nobody, "?id=e5")["events"] == []


def test_a_customer_may_not_ask(served: Served) -> None:
    customer = served.folder / "customer.toml"
    customer.write_text(
        SELLER + CUSTOMER.format(key="acme", zone="UTC", start="").partition("[[subscription]]")[0]
    )
    with served.home() as home:
        apply_catalog(home, customer)
    _, token = served.key(role="customer", customer="acme")
    assert ask(served, token).status_code == 403
    assert httpx.get(f"{served.address}/v1/events").status_code == 401


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("?limit=0", 422, "limit"),
        ("?limit=1001", 422, "1 to 1000"),
        ("?limit=ten", 422, "ten"),
        ("?limit=%F0%9D%9F%8F", 422, "limit"),
        ("?as_of=-1", 422, "as_of"),
        ("?as_of=9999999999999999999999", 422, "as_of"),
        ("?since=yesterday", 422, "since"),
        ("?since=2026-02-02T00:00:00Z&until=2026-02-01T00:00:00Z", 422, "empty"),
        ("?where=tokens", 422, "name=value"),
        ("?after=last", 422, "last"),
        ("?position=b1", 422, "b1"),
        ("?position=b99999999999999999999999.r1", 422, "b9"),
        ("?after=b99999999999999999999999.r1", 422, "b9"),
        ("?customer=nobody", 404, "nobody"),
        ("?subjekt=team-1", 400, "subjekt"),
        ("?id=a&id=b", 400, "id"),
        ("?id=%ff", 400, "query"),
        ("?" + "&".join(["where=a%3Db"] * 17), 400, "where"),
        ("?" + "&".join(["where=a%3Db"] * 65), 400, "query"),
    ],
)
def test_bad_input_is_a_problem_that_says_what(
    served: Served, finance: str, query: str, status: int, said: str
) -> None:
    answer = ask(served, finance, query)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert said in answer.json()["detail"]


@pytest.mark.parametrize(
    "query", ["?id=%00", "?source=%F0%9F%92%A9", "?as_of=999999999999999999", "?where=a%3D"]
)
def test_what_nothing_has_is_an_empty_page_or_all(served: Served, finance: str, query: str) -> None:
    assert ask(served, finance, query).status_code == 200


def test_many_ask_while_events_arrive(served: Served, finance: str) -> None:
    """Each page is a moment of the log: what it holds is whole batches."""
    failures: list[str] = []

    def look() -> None:
        for _ in range(15):
            found = page(served, finance, "?where=kind%3Dpair&type=api.call")
            if len(found["events"]) % 2:
                failures.append(str(found))
            page(served, finance, "?id=e5")

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for n in range(20):
        pair = [event(f"p{n}-{m}", data={"tokens": 1, "kind": "pair"}) for m in range(2)]
        assert served.receipt(ndjson(pair))["accepted"] == 2
    for thread in threads:
        thread.join()
    assert not failures
    assert len(page(served, finance, "?where=kind%3Dpair")["events"]) == 40
