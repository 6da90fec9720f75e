"""`GET /v1/entitlements/{customer}`: may this customer use a feature now, and how much of it is left.

A refusal is an answer (200 with `allowed` false). An error is none: it permits nothing, and refuses nothing.
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from litestar import Request, Response, get
from litestar.openapi.spec import OpenAPIType, Operation, Parameter, Schema
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from tieout.api.access import roles_for
from tieout.api.answers import Problem, refusal
from tieout.api.keyring import Keyring
from tieout.api.limits import ENTITLEMENTS_AT_ONCE_MAX
from tieout.flows.entitlements import EntitlementReader
from tieout.flows.entitlements_document import entitlements_document
from tieout.flows.home import Home
from tieout.kernel.errors import TieoutError
from tieout.kernel.ids import CustomerId

ENTITLEMENTS, ENTITLEMENTS_ROUTE = "/v1/entitlements/{customer}", "/v1/entitlements/{customer:str}"
"""As a request's scope has it, and as the router wants it."""
FEATURE = "feature"


class EntitlementsOperation(Operation):
    """The operation, written out: the parameter is read here, so that a refusal names what is wrong."""

    def __post_init__(self) -> None:
        text = Schema(type=OpenAPIType.STRING)
        about = "this feature alone; all in the customer's plans where it is left out"
        self.parameters = [
            Parameter(name="customer", param_in="path", required=True, schema=text),
            Parameter(name=FEATURE, param_in="query", required=False, description=about, schema=text),
        ]


class Entitled:
    """Readers of one process: each answers one question at a time."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._free = [EntitlementReader(home) for _ in range(ENTITLEMENTS_AT_ONCE_MAX)]
        self._room = asyncio.Semaphore(ENTITLEMENTS_AT_ONCE_MAX)

    async def answer(self, customer: CustomerId, feature: str | None) -> bytes:
        async with self._room:
            return await asyncio.to_thread(self._answered, customer, feature)

    def _answered(self, customer: CustomerId, feature: str | None) -> bytes:
        reader = self._free.pop()
        try:
            return msgspec.json.encode(entitlements_document(reader.entitlements(customer, feature)))
        except TieoutError as error:
            raise refusal(error) from None
        finally:
            self._free.append(reader)


def entitlement_routes(home: Home, keyring: Keyring) -> list[ControllerRouterHandler]:
    """`GET /v1/entitlements/{customer}`."""
    entitled = Entitled(home)

    @get(
        ENTITLEMENTS_ROUTE,
        operation_class=EntitlementsOperation,
        tags=["entitlements"],
        summary="What a customer may use now",
    )
    async def entitlements(request: Request[Any, Any, Any], customer: FromPath[str]) -> Response[bytes]:
        """Each feature with `allowed`, `reason`, limit, usage and what remains, free units by price, and the
        holds that stand; with the instant, and the batch that usage stands at. A customer's key sees its own.
        """
        known = keyring.admitted(request.scope["headers"], roles_for("GET", ENTITLEMENTS))
        if known.key.customer not in (None, customer):
            detail = "This key may see the entitlements of its own customer only."
            raise Problem(403, "customer-forbidden", detail, key_id=known.key.key_id)
        feature = _feature(request.scope["query_string"])
        return Response(await entitled.answer(CustomerId(customer), feature), media_type="application/json")

    return [entitlements]


def _feature(query: bytes) -> str | None:
    if not query:
        return None
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=4)
    except (UnicodeDecodeError, ValueError) as error:
        raise Problem(400, "malformed-query-string", f"The query cannot be read: {error}.") from None
    for name, _ in pairs:
        if name != FEATURE:
            detail = f"There is no parameter {name[:64]!r}; there is {FEATURE}."
            raise Problem(400, "unknown-parameter", detail)
    if len(pairs) > 1:
        raise Problem(400, "repeated-parameter", f"{FEATURE}: once is enough.")
    if pairs and not pairs[0][1]:
        raise Problem(422, "malformed-parameter", f"{FEATURE}: which one?")
    return pairs[0][1] if pairs else None
