"""`/v1/disputes` for those who work on them, and `/v1/customers/{customer}/disputes`, where a customer opens
and sees its own. Examining, deciding and holds are the command line's: they need named people of a role.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from litestar import Request, get, post
from litestar.openapi.spec import (
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    Parameter,
    RequestBody,
    Schema,
)
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from tieout.api.access import roles_for
from tieout.api.answers import Problem, refusal
from tieout.api.body import read_object
from tieout.api.keyring import Keyring, KnownKey
from tieout.api.query_string import parameters_of
from tieout.dispute.opening import DisputeOrder
from tieout.dispute.overdue import overdue
from tieout.dispute.type import RULES, DisputeType
from tieout.flows.customer_disputes import open_own, own_dispute, own_disputes
from tieout.flows.dispute_document import (
    customer_events_json,
    customer_json,
    dispute_json,
    events_json,
    sent_json,
)
from tieout.flows.disputes import find_dispute, list_disputes
from tieout.flows.home import Home
from tieout.flows.open_dispute import open_dispute
from tieout.flows.say_dispute import sent_to_customer
from tieout.kernel.errors import TieoutError

DISPUTES, DISPUTE = "/v1/disputes", "/v1/disputes/{dispute}"
OWN_DISPUTES = "/v1/customers/{customer}/disputes"
OWN_DISPUTE = OWN_DISPUTES + "/{dispute}"
PARAMETERS: Mapping[str, str] = {
    "customer": "of this customer",
    "decided": "true: also those that are decided",
    "overdue": "true: only those that are overdue",
}
Answer = dict[str, Any]
AnyRequest = Request[Any, Any, Any]
_TEXT = Schema(type=OpenAPIType.STRING)
ORDER = Schema(
    title="Dispute",
    description="`amount` is a decimal text: of a line before taxes that are added, of an invoice with them; "
    "without it, all that is left. Without `line` the invoice as a whole is disputed.",
    type=OpenAPIType.OBJECT,
    properties={
        "invoice": _TEXT,
        "line": _TEXT,
        "type": Schema(type=OpenAPIType.STRING, enum=[each.value for each in RULES]),
        "amount": _TEXT,
        "reason": _TEXT,
        "by": Schema(type=OpenAPIType.STRING, description="who opens it; not of a customer's own"),
    },
    required=["invoice", "type", "reason"],
)


class ListOperation(Operation):
    """Parameters are read here, so that a refusal names the one that is wrong."""

    def __post_init__(self) -> None:
        self.parameters = [
            Parameter(name=name, param_in="query", required=False, description=text, schema=_TEXT)
            for name, text in PARAMETERS.items()
        ]


class OrderOperation(Operation):
    def __post_init__(self) -> None:
        self.request_body = RequestBody(
            content={"application/json": OpenAPIMediaType(schema=ORDER)}, required=True
        )


def disputing_routes(home: Home, keyring: Keyring) -> list[ControllerRouterHandler]:
    """All of them."""
    return [*_working(home, keyring), *_own(home, keyring)]


def _working(home: Home, keyring: Keyring) -> list[ControllerRouterHandler]:
    @get(DISPUTES, operation_class=ListOperation, tags=["disputes"], summary="List disputes")
    async def listed(request: AnyRequest) -> Answer:
        """Open ones, by when they were opened."""
        given = parameters_of(request.scope["query_string"], PARAMETERS)
        return await _answered(lambda: _list(home, given))

    @get("/v1/disputes/{dispute:str}", tags=["disputes"], summary="One dispute and all that was said of it")
    async def shown(dispute: FromPath[str]) -> Answer:
        return await _answered(lambda: _shown(home, dispute))

    @post(
        DISPUTES,
        status_code=200,
        tags=["disputes"],
        summary="Open a dispute for a customer",
        operation_class=OrderOperation,
        request_max_body_size=None,
    )
    async def opened(request: AnyRequest) -> Answer:
        """`by`: who opens it. The same sent again is the same dispute: no Idempotency-Key is needed."""
        known = keyring.admitted(request.scope["headers"], roles_for("POST", DISPUTES))
        table = await read_object(request, "A dispute", code="malformed-dispute", key_id=known.key.key_id)

        def flow() -> Answer:
            order, by = _order(table, "by"), str(table["by"])
            done = open_dispute(home, order, person=by, api_key=known.key.key_id)
            return {**dispute_json(done.dispute, now=home.clock.now()), "is_new": done.is_new}

        return await _answered(flow)

    return [listed, shown, opened]


def _own(home: Home, keyring: Keyring) -> list[ControllerRouterHandler]:
    @get("/v1/customers/{customer:str}/disputes", tags=["own"], summary="A customer's disputes")
    async def listed(request: AnyRequest, customer: FromPath[str]) -> Answer:
        _admitted(keyring, request, OWN_DISPUTES, customer)
        return await _answered(
            lambda: {"disputes": [customer_json(each) for each in own_disputes(home, customer)]}
        )

    @get(
        "/v1/customers/{customer:str}/disputes/{dispute:str}",
        tags=["own"],
        summary="One of them, with the messages to the customer",
    )
    async def shown(request: AnyRequest, customer: FromPath[str], dispute: FromPath[str]) -> Answer:
        _admitted(keyring, request, OWN_DISPUTE, customer)

        def flow() -> Answer:
            found = own_dispute(home, customer, dispute)
            return {**customer_json(found), "events": customer_events_json(found)}

        return await _answered(flow)

    @post(
        "/v1/customers/{customer:str}/disputes",
        status_code=200,
        tags=["own"],
        summary="Dispute an amount",
        operation_class=OrderOperation,
        request_max_body_size=None,
    )
    async def opened(request: AnyRequest, customer: FromPath[str]) -> Answer:
        """What is disputed is not collected meanwhile; the rest stays due. The same sent again is the same
        dispute, so that no Idempotency-Key is needed."""
        known = _admitted(keyring, request, OWN_DISPUTES, customer)
        table = await read_object(request, "A dispute", code="malformed-dispute", key_id=known.key.key_id)

        def flow() -> Answer:
            key = known.key
            done = open_own(home, customer, _order(table), key_name=key.name, api_key=key.key_id)
            return {**customer_json(done.dispute), "is_new": done.is_new}

        return await _answered(flow)

    return [listed, shown, opened]


def _admitted(keyring: Keyring, request: AnyRequest, route: str, customer: str) -> KnownKey:
    known = keyring.admitted(request.scope["headers"], roles_for(str(request.method), route))
    if known.key.customer not in (None, customer):
        detail = "This key may see and change what its own customer has set only."
        raise Problem(403, "customer-forbidden", detail, key_id=known.key.key_id)
    return known


async def _answered(flow: Callable[[], Answer]) -> Answer:
    try:
        return await asyncio.to_thread(flow)
    except TieoutError as error:
        raise refusal(error) from None


def _list(home: Home, given: Mapping[str, str]) -> Answer:
    now = home.clock.now()
    found = list_disputes(home, given.get("customer"), decided_too=_is_true(given, "decided"))
    if _is_true(given, "overdue"):
        found = tuple(each for each in found if overdue(each, now=now))
    return {"disputes": [dispute_json(each, now=now) for each in found]}


def _shown(home: Home, id: str) -> Answer:
    found = find_dispute(home, id)
    sent = sent_json(sent_to_customer(home, found))
    return {**dispute_json(found, now=home.clock.now()), "events": events_json(found), "messages": sent}


def _is_true(given: Mapping[str, str], name: str) -> bool:
    text = given.get(name, "false")
    if text not in ("true", "false"):
        raise Problem(422, "malformed-parameter", f"{name}: true or false, not {text[:64]!r}.")
    return text == "true"


def _order(table: Mapping[str, Any], *also: str) -> DisputeOrder:
    """`also`: further members that must be there. Raises a `Problem` 422 with everything that is wrong."""
    known = {"invoice", "line", "type", "amount", "reason", *also}
    problems = [f"{name} is not a member" for name in sorted(set(table) - known)]
    problems += [f"{name} is missing" for name in ("invoice", "type", "reason", *also) if name not in table]
    problems += [f"{name} is not a text" for name in known & set(table) if not isinstance(table[name], str)]
    types = [each.value for each in DisputeType]
    if isinstance(table.get("type"), str) and table["type"] not in types:
        problems.append(f"type is one of {', '.join(types)}")
    if problems:
        raise Problem(422, "malformed-dispute", f"{'; '.join(sorted(problems))}.")
    return DisputeOrder(
        table["invoice"], table.get("line"), DisputeType(table["type"]), table.get("amount"), table["reason"]
    )
