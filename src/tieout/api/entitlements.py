"""`GET /v1/entitlements/{customer}`: may this customer use a feature now, and how much of it is left.

A refusal is an answer (200 with `allowed` false). An error is none: it permits nothing, and refuses nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from litestar import Request, Response, get
from litestar.openapi.spec import OpenAPIType, Operation, Parameter, Schema
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from tieout.api.access import roles_for
from tieout.api.answers import HttpAnswer, Problem, failure, refusal
from tieout.api.asgi import Receive, Scope, Send
from tieout.api.keyring import Keyring
from tieout.api.limits import (
    ENTITLEMENTS_AT_ONCE_MAX,
    ENTITLEMENTS_BUSY_SECONDS,
    ENTITLEMENTS_LINGER_SECONDS,
)
from tieout.flows.entitlements import EntitlementReader, Entitlements
from tieout.flows.entitlements_document import entitlements_document
from tieout.flows.home import Home
from tieout.kernel.errors import TieoutError
from tieout.kernel.ids import CustomerId

LOGGER = logging.getLogger("tieout")
ENTITLEMENTS, ENTITLEMENTS_ROUTE = "/v1/entitlements/{customer}", "/v1/entitlements/{customer:str}"
"""As a request's scope has it, and as the router wants it."""
PREFIX = "/v1/entitlements/"
FEATURE = "feature"
_Outcome = bytes | Exception | None
"""The document; or what it failed of; None: to be counted over the log."""


class EntitlementsOperation(Operation):
    """The operation, written out: the parameter is read here, so that a refusal names what is wrong."""

    def __post_init__(self) -> None:
        text = Schema(type=OpenAPIType.STRING)
        about = "this feature alone; all in the customer's plans where it is left out"
        self.parameters = [
            Parameter(name="customer", param_in="path", required=True, schema=text),
            Parameter(name=FEATURE, param_in="query", required=False, description=about, schema=text),
        ]


@dataclass(frozen=True, slots=True)
class _Waiting:
    customer: CustomerId
    feature: str | None
    answered: asyncio.Future[_Outcome]


class Entitled:
    """The answers of one process. What waits is answered together, so that more at once costs less each; by
    one thread, since an answer is a few look-ups. What has to be counted over the log waits elsewhere."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._reader = EntitlementReader(home)
        self._counting = EntitlementReader(home)
        self._counting_room = asyncio.Lock()
        self._waiting: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None
        self._answered_at = float("-inf")

    async def answer(self, customer: CustomerId, feature: str | None) -> bytes:
        answered: asyncio.Future[_Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(customer, feature, answered))
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        found = await answered
        if found is None:
            async with self._counting_room:
                found = await asyncio.to_thread(self._counted, customer, feature)
        assert found is not None, "a count over the log answers"
        if isinstance(found, Exception):
            raise refusal(found) if isinstance(found, TieoutError) else found
        return found

    async def _work(self) -> None:
        """Ends when nothing waits. Where questions come one upon another, a moment's wait gathers some."""
        while self._waiting:
            if time.monotonic() - self._answered_at < ENTITLEMENTS_BUSY_SECONDS:
                await asyncio.sleep(ENTITLEMENTS_LINGER_SECONDS)
            group = [
                self._waiting.popleft() for _ in range(min(len(self._waiting), ENTITLEMENTS_AT_ONCE_MAX))
            ]
            found = await asyncio.to_thread(self._answers, group)
            self._answered_at = time.monotonic()
            for each, one in zip(group, found, strict=True):
                if not each.answered.done():  # else whoever asked is gone
                    each.answered.set_result(one)
        self._task = None

    def _answers(self, group: Sequence[_Waiting]) -> list[_Outcome]:
        """What nobody foresaw of one of them is told to that one alone: the others are answered apart."""
        asked = [(each.customer, each.feature) for each in group]
        try:
            return [_encoded(found) for found in self._reader.several(asked, kept_only=True)]
        except TieoutError as error:  # of the storage, and so of all
            return [error] * len(group)
        except Exception as error:  # noqa: BLE001 - told to who asked
            if len(group) == 1:
                return [error]
        return [self._answers([each])[0] for each in group]

    def _counted(self, customer: CustomerId, feature: str | None) -> _Outcome:
        (found,) = self._counting.several([(customer, feature)])
        return _encoded(found)


def _encoded(found: Entitlements | TieoutError | None) -> _Outcome:
    return msgspec.json.encode(entitlements_document(found)) if isinstance(found, Entitlements) else found


class EntitlementsEndpoint:
    """`GET /v1/entitlements/{customer}` as an ASGI callable: a framework costs more than the answer."""

    def __init__(self, home: Home, keyring: Keyring) -> None:
        self._keyring = keyring
        self._entitled = Entitled(home)
        self._roles = roles_for("GET", ENTITLEMENTS)

    def takes(self, scope: Scope) -> bool:
        """What it leaves out, the framework answers."""
        path: str = scope["path"]
        return scope["method"] == "GET" and path.startswith(PREFIX) and "/" not in path[len(PREFIX) :]

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        try:
            found = await self.found(scope, scope["path"][len(PREFIX) :])
            answer = HttpAnswer(200, found)
        except Problem as problem:
            answer = problem.answer()
        except Exception as error:
            LOGGER.error("a request failed", exc_info=error)
            answer = failure().answer()
        await send(answer.start())
        await send({"type": "http.response.body", "body": answer.body})

    async def found(self, scope: Scope, customer: str) -> bytes:
        """Raises a `Problem`."""
        known = self._keyring.admitted(scope["headers"], self._roles)
        if known.key.customer not in (None, customer):
            detail = "This key may see the entitlements of its own customer only."
            raise Problem(403, "customer-forbidden", detail, key_id=known.key.key_id)
        return await self._entitled.answer(CustomerId(customer), _feature(scope["query_string"]))


def entitlement_routes(endpoint: EntitlementsEndpoint) -> list[ControllerRouterHandler]:
    """`GET /v1/entitlements/{customer}`, so that it is described, guarded and found."""

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
        return Response(await endpoint.found(request.scope, customer), media_type="application/json")

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
