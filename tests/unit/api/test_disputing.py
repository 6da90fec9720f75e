"""Disputes over HTTP: a customer opens and sees its own, nothing of anybody else's, nor who works on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from tests.disputes import OPS, disputed_home, number_of
from tieout.api.app import litestar_app
from tieout.api.keyring import Keyring
from tieout.dispute.decision import DecisionOrder
from tieout.dispute.state import Act
from tieout.flows import customer_disputes
from tieout.flows.api_keys import create_api_key
from tieout.flows.decide_dispute import decide_dispute
from tieout.flows.disputes import list_disputes
from tieout.flows.say_dispute import message_customer, note_dispute
from tieout.kernel.ids import CustomerId
from tieout.wiring import Home


@dataclass
class Asked:
    home: Home
    client: TestClient[Any]
    tokens: dict[str, str]

    def __call__(self, who: str, method: str, path: str, body: object = None) -> Any:
        headers = {"authorization": f"Bearer {self.tokens[who]}"}
        return self.client.request(method, path, json=body, headers=headers)


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[Asked]:
    home, _ = disputed_home(tmp_path / "home", per_customer=5)
    with home:
        tokens = {
            customer: create_api_key(home, name=customer, role="customer", sources=(), customer=customer)[1]
            for customer in ("acme", "birch")
        }
        for role in ("ops", "engineering", "finance", "auditor", "product", "source"):
            sources = ["gateway"] if role == "source" else []
            tokens[role] = create_api_key(home, name=role, role=role, sources=sources)[1]
        keyring = Keyring()
        keyring.replace(home.books.api_keys.all())
        app = litestar_app(None, None, keyring, home, None)  # type: ignore[arg-type] # neither is asked
        with TestClient(app) as client:
            yield Asked(home, client, tokens)


def order(home: Home, customer: str = "acme", **other: object) -> dict[str, object]:
    number = number_of(home, CustomerId(customer))
    return {
        "invoice": number,
        "line": "1",
        "type": "price",
        "amount": "4.00",
        "reason": "agreed less",
        **other,
    }


def test_a_customer_opens_and_sees_its_own(ask: Asked) -> None:
    opened = ask("acme", "POST", "/v1/customers/acme/disputes", order(ask.home))
    assert opened.status_code == 200, opened.text
    told = opened.json()
    assert (told["state"], told["amount"], told["not_collected"], told["is_new"]) == (
        "open",
        "4.00",
        "4.00",
        True,
    )
    again = ask("acme", "POST", "/v1/customers/acme/disputes", order(ask.home)).json()
    assert again == {**told, "is_new": False}
    id = told["id"]
    (found,) = list_disputes(ask.home)
    assert found.api_key is not None and found.opened_by == "acme"
    note_dispute(ask.home, id, person="Omar", text="they say so each month")
    message_customer(ask.home, id, person=OPS, text="We look at it.")
    decide_dispute(ask.home, id, DecisionOrder(Act.REJECTED), person=OPS, reason="2.33 was not agreed")
    shown = ask("acme", "GET", f"/v1/customers/acme/disputes/{id}").json()
    assert [each["act"] for each in shown["events"]] == ["opened", "messaged", "rejected"]
    assert (shown["state"], shown["is_answered"]) == ("rejected", True)
    replayed = ask("acme", "POST", "/v1/customers/acme/disputes", order(ask.home)).json()
    assert (replayed["id"], replayed["state"], replayed["is_new"]) == (id, "rejected", False)
    for name in (OPS, "Omar", "Eva", "sha256", "each month"):
        assert name not in ask("acme", "GET", f"/v1/customers/acme/disputes/{id}").text, name
    assert [each["id"] for each in ask("acme", "GET", "/v1/customers/acme/disputes").json()["disputes"]] == [
        id
    ]
    whole = ask("ops", "GET", f"/v1/disputes/{id}").json()
    assert [each["act"] for each in whole["events"]] == [
        "opened",
        "noted",
        "messaged",
        "reproduced",
        "rejected",
    ]
    assert whole["evidence"]["reproduced"] and len(whole["messages"]) == 1


def test_nothing_of_anybody_elses(ask: Asked) -> None:
    mine = ask("birch", "POST", "/v1/customers/birch/disputes", order(ask.home, "birch")).json()["id"]
    refused = [
        ask("acme", method, path, body)
        for method, path, body in (
            ("GET", "/v1/customers/birch/disputes", None),
            ("GET", f"/v1/customers/birch/disputes/{mine}", None),
            ("POST", "/v1/customers/birch/disputes", order(ask.home, "birch")),
            ("GET", "/v1/customers/nobody/disputes", None),
        )
    ]
    assert {each.status_code for each in refused} == {403} and len({each.text for each in refused}) == 1
    assert ask("acme", "GET", f"/v1/customers/acme/disputes/{mine}").status_code == 404
    foreign = ask("acme", "POST", "/v1/customers/acme/disputes", order(ask.home, "birch"))
    nowhere = ask("acme", "POST", "/v1/customers/acme/disputes", order(ask.home, "birch", invoice="INV-9"))
    assert (foreign.status_code, foreign.json()["code"]) == (404, "no-such-invoice")
    assert foreign.json()["code"] == nowhere.json()["code"]
    for role in ("acme", "product", "source"):
        assert ask(role, "GET", "/v1/disputes").status_code == 403
        assert ask(role, "POST", "/v1/disputes", order(ask.home, by="Zoe")).status_code == 403
    assert len(list_disputes(ask.home)) == 1


def test_ops_opens_one_for_a_customer_and_lists_them(ask: Asked) -> None:
    opened = ask("ops", "POST", "/v1/disputes", order(ask.home, by="Zoe"))
    assert opened.status_code == 200 and opened.json()["opened_by"] == "Zoe"
    assert ask("engineering", "POST", "/v1/disputes", order(ask.home, by="Zoe")).status_code == 403
    for role in ("ops", "engineering", "finance", "auditor"):
        assert len(ask(role, "GET", "/v1/disputes?customer=acme").json()["disputes"]) == 1
    assert ask("ops", "GET", "/v1/disputes?overdue=true").json() == {"disputes": []}
    assert ask("ops", "GET", "/v1/disputes?overdue=maybe").status_code == 422
    assert ask("ops", "GET", "/v1/disputes?mood=bad").json()["code"] == "unknown-parameter"
    assert ask("ops", "GET", "/v1/disputes?customer=nobody").status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ([1], 400, "not a JSON object"),
        ({}, 422, "invoice is missing; reason is missing; type is missing"),
        (
            {"mood": "x", "type": "mood", "invoice": "x", "reason": 1},
            422,
            "mood is not a member; reason is not a text",
        ),
        ({"amount": "4.001"}, 422, "whole minor units"),
        ({"amount": "a lot"}, 422, ""),
        ({"amount": "99.00"}, 409, "cannot be disputed"),
        ({"line": "77"}, 404, "has no line"),
        ({"reason": "\x00"}, 400, "forbidden-character"),
    ],
)
def test_a_body_that_makes_no_sense_is_refused_with_all_that_is_wrong(
    ask: Asked, body: Any, status: int, says: str
) -> None:
    whole = order(ask.home, **body) if isinstance(body, dict) and body and "mood" not in body else body
    answer = ask("acme", "POST", "/v1/customers/acme/disputes", whole)
    assert (answer.status_code, says in answer.json()["detail"]) == (status, True), answer.text
    assert list_disputes(ask.home) == ()


def test_a_home_that_is_not_ready_says_so_and_no_more(ask: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    (ask.home.folder / "evidence.key").unlink()
    answer = ask("acme", "POST", "/v1/customers/acme/disputes", order(ask.home))
    assert (answer.status_code, answer.json()["code"]) == (503, "disputes-not-ready")
    assert "evidence" not in answer.text and str(ask.home.folder) not in answer.text
    monkeypatch.setattr(customer_disputes, "OPEN_AT_ONCE_MAX", 0)
    answer = ask("acme", "POST", "/v1/customers/acme/disputes", order(ask.home))
    assert (answer.status_code, answer.json()["code"]) == (409, "too-many-disputes")
