"""Access to what customers set for themselves: each key reaches its own customer and nothing of anybody
else's, nor the operator's, whatever is guessed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from litestar.testing import TestClient

from tests.own_home import ALERT, own_home, webhook
from tests.ruled_home import HOLD, apply_rules, send
from tests.small_home import call
from tieout.api.access import ROLES_BY_ROUTE
from tieout.api.app import litestar_app
from tieout.api.keyring import Keyring
from tieout.contract.api_key import KeyRole
from tieout.flows.api_keys import create_api_key
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.look_at_rules import look_to_head
from tieout.flows.own_document import own_decisions
from tieout.wiring import Home

ROUTES = sorted(route for route in ROLES_BY_ROUTE if route[1].startswith("/v1/customers/"))
BODIES: dict[str, dict[str, Any]] = {
    "budget": {"amount": "50"},
    "alerts": ALERT,
    "targets": webhook("https://example.com/"),
    "verification": {"code": "0"},
}


@dataclass
class Asked:
    home: Home
    client: TestClient[Any]
    tokens: dict[str, str]

    def __call__(self, who: str, method: str, path: str, body: object = None) -> Any:
        headers = {"authorization": f"Bearer {self.tokens[who]}"}
        return self.client.request(method, path, json=body, headers=headers)


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    home, clock = own_home(tmp_path_factory.mktemp("own") / "home")
    with home:
        apply_rules(home, HOLD)
        tokens = {}
        for customer in ("acme", "birch"):
            tokens[customer] = create_api_key(
                home, name=customer, role="customer", sources=(), customer=customer
            )[1]
        for role in ("ops", "product", "auditor", "source"):
            sources = ["gateway"] if role == "source" else []
            tokens[role] = create_api_key(home, name=role, role=role, sources=sources)[1]
        keyring = Keyring()
        keyring.replace(home.books.api_keys.all())
        app = litestar_app(None, None, keyring, home, None)  # type: ignore[arg-type] # neither is asked
        with TestClient(app) as client:
            yield Asked(home, client, tokens)
        assert clock.now() is not None


def path_of(route: str, customer: str, key: str = "mine") -> str:
    return route.replace("{customer}", customer).replace("{alert}", key).replace("{target}", key)


def body_of(route: str) -> object:
    return next((body for name, body in reversed(BODIES.items()) if name in route), None)


@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_another_customers_is_refused_alike_whether_it_is_there_or_not(
    ask: Asked, method: str, route: str
) -> None:
    before = [len(own_decisions(ask.home, each)) for each in ("acme", "birch")]
    answers = [
        ask("acme", method, path_of(route, other), body_of(route))
        for other in ("birch", "nobody", "Acme", "acme%20", "%61cme2", "@birch")
    ]
    assert {each.status_code for each in answers} == {403}
    assert len({each.text for each in answers}) == 1, "nothing tells whether it exists"
    assert answers[0].json()["code"] == "customer-forbidden"
    assert before == [len(own_decisions(ask.home, each)) for each in ("acme", "birch")]


@pytest.mark.parametrize(("method", "route"), [each for each in ROUTES if each[0] == "PUT"])
def test_nothing_of_a_strangers_body_is_read(ask: Asked, method: str, route: str) -> None:
    """Who may not write learns only that, whatever is sent and however long it is."""
    for content in (b"{", b"[1]", b" " * 100_000):
        headers = {"content-type": "text/plain"}
        path = path_of(route, "birch")
        assert ask.client.request(method, path, content=content, headers=headers).status_code == 401
        for who in ("acme", "ops"):
            told = headers | {"authorization": f"Bearer {ask.tokens[who]}"}
            assert ask.client.request(method, path, content=content, headers=told).status_code == 403


@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_operators_keys_read_and_do_not_write(ask: Asked, method: str, route: str) -> None:
    for role in ("ops", "product", "auditor", "source"):
        status = ask(role, method, path_of(route, "birch"), body_of(route)).status_code
        assert status in ((200, 404) if method == "GET" and role != "source" else (403,)), (role, status)
    assert ask("ops", "GET", "/v1/customers/nobody/alerts").status_code == 404


@pytest.mark.parametrize(
    "key", ["@birch/hook", "..%2F..%2Fbirch%2Ftargets%2Fhook", "birch/hook", "%2Fhook", "stop"]
)
def test_ids_that_are_guessed_lead_nowhere(ask: Asked, key: str) -> None:
    assert (
        ask("birch", "PUT", "/v1/customers/birch/targets/hook", webhook("https://example.com/b")).status_code
        == 200
    )
    for method, noun in (("GET", "targets"), ("DELETE", "targets"), ("GET", "alerts"), ("DELETE", "alerts")):
        assert ask("acme", method, f"/v1/customers/acme/{noun}/{key}").status_code == 404
    answer = ask("acme", "PUT", "/v1/customers/acme/alerts/spy", {**ALERT, "targets": [key]})
    assert answer.status_code == 422 and "birch Ltd" not in answer.text
    assert ask("acme", "POST", f"/v1/customers/acme/targets/{key}/secret").status_code in (404, 405)


def test_a_customers_alert_of_an_operators_name_is_its_own(ask: Asked) -> None:
    held = load_catalog(ask.home).charge_controls.versions("stop")
    assert ask("acme", "PUT", "/v1/customers/acme/alerts/stop", {**ALERT, "at": ["1"]}).status_code == 200
    assert ask("acme", "DELETE", "/v1/customers/acme/alerts/stop").status_code == 200
    assert load_catalog(ask.home).charge_controls.versions("stop") == held


def test_set_seen_changed_and_removed(ask: Asked) -> None:
    root = "/v1/customers/acme"
    assert ask("acme", "GET", f"{root}/budget").status_code == 404
    assert ask("acme", "PUT", f"{root}/budget", {"amount": "50.00"}).json() | {"since": ""} == {
        **{"customer": "acme", "version": 1, "since": "", "amount": "50", "currency": "USD"},
    }
    made = ask("acme", "PUT", f"{root}/targets/hook", webhook("https://example.com/a")).json()
    assert made["secret"].startswith("whsec_")
    for again in (
        ask("acme", "PUT", f"{root}/targets/hook", webhook("https://example.com/a")),
        ask("acme", "GET", f"{root}/targets/hook"),
        ask("ops", "GET", f"{root}/targets"),
    ):
        assert again.status_code == 200 and "whsec_" not in again.text
    rotated = ask("acme", "POST", f"{root}/targets/hook/secret").json()["secret"]
    assert rotated != made["secret"]
    alert = {**ALERT, "targets": ["hook"], "name": "Many"}
    assert ask("acme", "PUT", f"{root}/alerts/many", alert).json()["version"] == 1
    assert ask("acme", "DELETE", f"{root}/targets/hook").json()["code"] == "target-in-use"
    send(ask.home, ask.home.clock, call(1, "acme", "2026-01-10T12:00:00Z", tokens=350))  # type: ignore[arg-type]
    look_to_head(ask.home)
    seen = ask("acme", "GET", f"{root}/alerts/many").json()
    assert [(each["threshold"], each["kind"], each["value"]) for each in seen["changes"]] == [
        ("300", "crossed", "350")
    ]
    assert [each["key"] for each in ask("acme", "GET", f"{root}/alerts").json()["alerts"]] == ["many"]
    for path in ("alerts/many", "targets/hook", "budget"):
        assert ask("acme", "DELETE", f"{root}/{path}").status_code == 200
        assert ask("acme", "DELETE", f"{root}/{path}").status_code == 404
    keys = {each.by.api_key for each in own_decisions(ask.home, "acme")}
    assert len(keys) == 1 and None not in keys


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b"{", "application/json", 400, "malformed-setting"),
        (b"[]", "application/json", 400, "malformed-setting"),
        (b'{"amount":1,"amount":2}', "application/json", 400, "malformed-setting"),
        (b'{"amount": 50}', "application/json", 422, "setting-refused"),
        (b"{}", "text/plain", 415, "unknown-content-type"),
        (b'{"amount": "' + b"1" * 20_000 + b'"}', "application/json", 413, "body-too-large"),
    ],
)
def test_refusals(ask: Asked, content: bytes, kind: str, status: int, code: str) -> None:
    headers = {"authorization": f"Bearer {ask.tokens['birch']}", "content-type": kind}
    answer = ask.client.put("/v1/customers/birch/budget", content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_only_customers_may_write() -> None:
    for method, route in ROUTES:
        roles = ROLES_BY_ROUTE[method, route]
        assert KeyRole.SOURCE not in roles
        assert method == "GET" or roles == {KeyRole.CUSTOMER}
