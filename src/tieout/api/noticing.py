"""`GET /v1/notices` and their acknowledgement."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import msgspec
from litestar import Request, get, post
from litestar.openapi.spec import OpenAPIType, Operation, Parameter, Schema
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from tieout.api.access import roles_for
from tieout.api.answers import Problem, refusal
from tieout.api.body import read_statement
from tieout.api.keyring import Keyring
from tieout.api.query_string import parameters_of
from tieout.api.request import JSON_TYPES, idempotency_of
from tieout.contract.notice_target import Severity
from tieout.flows.home import Home
from tieout.flows.notices import (
    PAGE_NOTICES,
    PAGE_NOTICES_MAX,
    acknowledge,
    acknowledgement_json,
    list_notices,
    recorded_json,
)
from tieout.flows.notices import Request as ByRequest
from tieout.kernel.errors import TieoutError
from tieout.kernel.ids import CustomerId
from tieout.ports import NoticeFilter

NOTICES = "/v1/notices"
ACKNOWLEDGEMENT, ACKNOWLEDGEMENT_ROUTE = (
    "/v1/notices/{notice}/acknowledgement",
    "/v1/notices/{notice:str}/acknowledgement",
)
"""As a request's scope has it, and as the router wants it."""
PARAMETERS: Mapping[str, str] = {
    "customer": "notices about this customer",
    "kind": "of exactly this kind, as alert.crossed",
    "severity": "info, warning or critical",
    "acknowledged": "true or false; both where it is left out",
    "after": "the cursor `next` of the page before",
    "limit": f"notices on a page, 1 to {PAGE_NOTICES_MAX}, {PAGE_NOTICES} where it is left out",
}
_TEXT = Schema(type=OpenAPIType.STRING)
FORM = b"acknowledgement"


class Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who has seen the notice, and what they say of it."""

    person: str
    reason: str


class NoticesOperation(Operation):
    """The operation, written out: parameters are read here, so that a refusal names the one that is wrong."""

    def __post_init__(self) -> None:
        self.parameters = [
            Parameter(name=name, param_in="query", required=False, description=text, schema=_TEXT)
            for name, text in PARAMETERS.items()
        ]


def noticing_routes(home: Home, keyring: Keyring) -> list[ControllerRouterHandler]:
    """Both routes."""

    @get(NOTICES, operation_class=NoticesOperation, tags=["notices"], summary="List notices")
    async def notices(request: Request[Any, Any, Any]) -> dict[str, Any]:
        """The newest first, with their acknowledgements; `next` is null on the last page."""
        given = parameters_of(request.scope["query_string"], PARAMETERS)
        return await asyncio.to_thread(_listed, home, given)

    @post(
        ACKNOWLEDGEMENT_ROUTE,
        status_code=200,
        tags=["notices"],
        summary="Acknowledge a notice",
        request_max_body_size=None,  # `read_statement` counts itself, so that the refusal is ours
    )
    async def acknowledged(request: Request[Any, Any, Any], notice: FromPath[str]) -> dict[str, Any]:
        """Ends its escalations. Needs an Idempotency-Key: the same request again gets the same answer, and
        409 is for a notice that somebody else has acknowledged.
        """
        known = keyring.admitted(request.scope["headers"], roles_for("POST", ACKNOWLEDGEMENT))
        headers = request.scope["headers"]
        media = dict(headers).get(b"content-type", b"").partition(b";")[0].strip().lower()
        if media not in JSON_TYPES:
            raise Problem(415, "unknown-content-type", "Content-Type is application/json.")
        body = await read_statement(request, "An acknowledgement", key_id=known.key.key_id)
        asked = idempotency_of(FORM, headers, body)
        if asked is None:
            raise Problem(400, "idempotency-key-missing", "Send an Idempotency-Key with it.")
        digest = sha256(notice.encode() + b"\0" + asked.request_sha256).digest()
        by = ByRequest(known.key.key_id, asked.key, digest)
        return await asyncio.to_thread(_acknowledged, home, notice, _said(body), by)

    return [notices, acknowledged]


def _listed(home: Home, given: Mapping[str, str]) -> dict[str, Any]:
    customer = given.get("customer")
    wanted = NoticeFilter(
        customer=None if customer is None else CustomerId(customer),
        kind=given.get("kind"),
        severity=_one_of(given, "severity", {each.value: each for each in Severity}),
        acknowledged=_one_of(given, "acknowledged", {"true": True, "false": False}),
    )
    try:
        page = list_notices(home, wanted, after=given.get("after"), limit=_limit(given))
    except TieoutError as error:
        raise refusal(error) from None
    return {"notices": [recorded_json(each) for each in page.notices], "next": page.next}


def _one_of(given: Mapping[str, str], name: str, options: Mapping[str, Any]) -> Any:
    text = given.get(name)
    if text is None:
        return None
    if text not in options:
        raise Problem(422, "malformed-parameter", f"{name}: one of {', '.join(options)}, not {text[:64]!r}.")
    return options[text]


def _limit(given: Mapping[str, str]) -> int:
    text = given.get("limit", str(PAGE_NOTICES))
    is_number = text.isascii() and text.isdigit() and len(text) <= 9
    if not is_number or not 1 <= int(text) <= PAGE_NOTICES_MAX:
        detail = f"limit: a whole number 1 to {PAGE_NOTICES_MAX}, not {text[:64]!r}."
        raise Problem(422, "malformed-parameter", detail)
    return int(text)


def _said(body: bytes) -> Said:
    try:
        return msgspec.json.decode(body, type=Said)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(
            400, "malformed-acknowledgement", f"The acknowledgement cannot be read: {error}."
        ) from None


def _acknowledged(home: Home, id: str, said: Said, by: ByRequest) -> dict[str, Any]:
    try:
        return acknowledgement_json(acknowledge(home, id, by=said.person, reason=said.reason, request=by))
    except TieoutError as error:
        raise refusal(error) from None
