"""Entitlements over HTTP, from a real server: a hold refuses use while events still arrive, are accepted and
billed; who may see whose; what is refused; and the command line says the same.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.small_home import MARCH_3, call, make_home
from tests.surface.conftest import in_process
from tests.surface.served import Served, ndjson
from tieout.flows.api_keys import create_api_key
from tieout.flows.apply_catalog import apply_catalog
from tieout.flows.close_periods import close
from tieout.flows.invoices import list_invoices, show_invoice
from tieout.flows.triggers import place_hold, release_hold
from tieout.gateways.clock import SteppedClock
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant, format_instant
from tieout.wiring import open_home

PLAN = """
[[plan]]
key = "basic"
version = 2
effective_from = 2026-01-01T00:00:00Z
name = "Basic"
currency = "USD"
prices = ["fee-usd", "calls-usd", "tokens-usd", "stored-usd"]
feature = [
  { key = "chat", meter = "calls", limit = "8", kind = "hard" },
  { key = "search" },
]
"""
DAY = 24 * 3600 * 1_000_000


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("entitled") / "home"
    with make_home(folder, now=MARCH_3)[0] as home:
        (folder.parent / "plan.toml").write_text(PLAN)
        apply_catalog(home, folder.parent / "plan.toml")
        _, token = create_api_key(home, name="gateway", role="source", sources=["gateway"])
    served = Served(folder, token)
    served.start(workers=2)
    yield served
    if served.process is not None:
        assert served.stop() == 0
    assert "Traceback" not in "".join(served.told)


@pytest.fixture(scope="module")
def product(served: Served) -> str:
    return served.key(role="product")[1]


def ask(served: Served, token: str, rest: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"}
    return httpx.get(f"{served.address}/v1/entitlements/{rest}", headers=headers, timeout=60)


def chat(served: Served, token: str, customer: str = "acme") -> dict[str, Any]:
    answer = ask(served, token, f"{customer}?feature=chat")
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()["entitlements"]
    return dict(found)


def eventually(served: Served, token: str, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    begin = time.monotonic()
    while not wanted(found := chat(served, token)):
        assert time.monotonic() - begin < 30, found
        time.sleep(0.02)
    return found


def test_a_customer_sees_itself_alone(served: Served) -> None:
    _, own = served.key(role="customer", customer="birch")
    assert ask(served, own, "birch").json()["customer"] == "birch"
    for other in ("acme", "nobody"):
        refused = ask(served, own, other)
        assert (refused.status_code, refused.json()["code"]) == (403, "customer-forbidden")
    assert ask(served, served.token, "acme").status_code == 403, "a sender may not"


@pytest.mark.parametrize(
    ("rest", "status", "said"),
    [
        ("nobody", 404, "nobody"),
        ("acme?colour=red", 400, "colour"),
        ("acme?feature=chat&feature=search", 400, "once"),
        ("acme?feature=", 422, "which"),
        ("acme?feature=%FF", 400, "query"),
    ],
)
def test_refusals_say_what_is_wrong(served: Served, product: str, rest: str, status: int, said: str) -> None:
    answer = ask(served, product, rest)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert said in answer.json()["detail"]


def test_what_the_answer_states(served: Served, product: str) -> None:
    answer = ask(served, product, "cedar").json()
    assert [each["feature"] for each in answer["entitlements"]] == ["chat", "search"]
    metered, flag = answer["entitlements"]
    assert (metered["limit"], metered["used"], metered["remaining"], metered["unit"]) == (
        "8",
        "0",
        "8",
        "call",
    )
    assert (metered["kind"], metered["subscriptions"]) == ("hard", ["cedar-main"])
    assert (flag["allowed"], flag["limit"], flag["used"]) == (True, None, None)
    assert {"watermark", "as_of", "at", "holds"} <= set(answer)
    (unknown,) = ask(served, product, "cedar?feature=teleport").json()["entitlements"]
    assert (unknown["allowed"], unknown["reason"]) == (False, "not-in-plan")


def test_a_hold_refuses_use_and_no_event(served: Served, product: str) -> None:
    """Three calls before the hold and four under it: all seven are on the invoice; the eighth unit is free of
    the hold, and the limit refuses the ninth."""
    with served.home() as home:
        now = home.clock.now()

    def send(*numbers: int) -> None:
        receipt = served.receipt(ndjson([call(n, "acme", format_instant(now)) for n in numbers]))
        assert receipt["accepted"] == len(numbers)

    send(1, 2, 3)
    assert eventually(served, product, lambda found: found["used"] == "3")["allowed"]
    with served.home() as home:
        held = place_hold(home, "acme", features=["chat"], person="Ada", reason="unpaid since August").hold
    answer = ask(served, product, "acme").json()
    refused, search = answer["entitlements"]
    assert (refused["allowed"], refused["reason"], refused["holds"]) == (False, "held", [held.id])
    assert search["allowed"], "the hold does not name it"
    assert "August" not in json.dumps(answer), "why is not the customer's to read"
    assert chat(served, product, "birch")["allowed"]
    send(4, 5, 6, 7)
    found = eventually(served, product, lambda found: found["used"] == "7")
    assert (found["allowed"], found["reason"], found["remaining"]) == (False, "held", "1")
    shown = in_process("entitlements", "acme", "--feature", "chat", "--json", "--home", str(served.folder))
    assert json.loads(shown.out)["entitlements"] == [found]
    assert "held" in in_process("entitlements", "acme", "--home", str(served.folder)).out
    with served.home() as home:
        release_hold(home, held.id, person="Ada", reason="paid")
    assert chat(served, product)["reason"] == "ok"
    send(8)
    found = eventually(served, product, lambda found: found["used"] == "8")
    assert (found["allowed"], found["reason"]) == (False, "limit-reached")
    send(9)
    served.stop()
    later = Instant(now + 45 * DAY)
    with open_home(served.folder, clock=SteppedClock(later)) as home:
        close(home, as_of=later, customers=(CustomerId("acme"),))
        billed = [
            line["quantity"]
            for row in list_invoices(home, CustomerId("acme"))
            for line in json.loads(show_invoice(home, row.id).document)["lines"]
            if line["description"] == "Calls" and line["quantity"] != "0"
        ]
    assert billed == ["9"], "all that arrived, refused or not"
