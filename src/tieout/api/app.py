"""The table of routes: litestar for all of them, with a short cut to the hot ones.

`POST /v1/events` and `GET /v1/entitlements/{customer}` are ordinary routes here, so that they are described,
guarded and found; `HotPath` only spares them the framework's dispatch.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from litestar import Litestar, Request, Response, get, post
from litestar.connection import ASGIConnection
from litestar.exceptions import HTTPException
from litestar.handlers.base import BaseRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from tieout import __version__
from tieout.api.access import ANYONE, roles_for
from tieout.api.answers import HttpAnswer, Problem, failure
from tieout.api.asgi import Receive, Scope, Send
from tieout.api.description import EventsOperation
from tieout.api.disputing import disputing_routes
from tieout.api.entitlements import EntitlementsEndpoint, entitlement_routes
from tieout.api.events import PATH, EventsEndpoint
from tieout.api.finding import finding_routes
from tieout.api.keyring import NOBODY, Keyring
from tieout.api.noticing import noticing_routes
from tieout.api.own import own_routes
from tieout.api.refusals import Refusals
from tieout.api.usage import usage_routes
from tieout.api.watching import CONTROL_TOTALS, watching_routes
from tieout.flows.home import Home

LOGGER = logging.getLogger("tieout")


@dataclass(frozen=True, slots=True)
class Health:
    """That the server answers, and which version it is."""

    status: str
    version: str


class HotPath:
    """The ASGI application: events and entitlements straight to their endpoints, everything else to
    litestar."""

    def __init__(self, endpoint: EventsEndpoint, entitlements: EntitlementsEndpoint, app: Litestar) -> None:
        self._endpoint = endpoint
        self._entitlements = entitlements
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == PATH and scope["method"] == "POST":
            await self._endpoint(scope, receive, send)
        elif scope["type"] == "http" and self._entitlements.takes(scope):
            await self._entitlements(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def litestar_app(
    endpoint: EventsEndpoint,
    entitlements: EntitlementsEndpoint,
    keyring: Keyring,
    home: Home,
    refusals: Refusals,
) -> Litestar:
    """All routes. A route that `access` does not name is refused to everyone."""

    def problem(request: Request[Any, Any, Any], error: Problem) -> Response[bytes]:
        """What a source states is counted where it is refused, as its events are."""
        if (request.method, request.url.path) == ("POST", CONTROL_TOTALS):
            refusals.count(error.key_id or NOBODY, error.code)
        return _response(error.answer())

    @post(PATH, operation_class=EventsOperation, status_code=200, tags=["events"])
    async def receive_events(request: Request[Any, Any, Any]) -> Response[bytes]:
        """Receive usage events: one, an array, or one a line; durable when it answers."""
        return _response(await endpoint.answer(request.scope, request.receive))

    @get("/health", tags=["server"], summary="Whether the server answers", security=[{}])
    async def health() -> Health:
        return Health("ok", __version__)

    async def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        _admit(connection.scope, keyring)

    return Litestar(
        route_handlers=[
            receive_events,
            health,
            *watching_routes(home, keyring),
            *finding_routes(home, keyring),
            *noticing_routes(home, keyring),
            *usage_routes(home, keyring),
            *entitlement_routes(entitlements),
            *own_routes(home, keyring),
            *disputing_routes(home, keyring),
        ],
        guards=[guard],
        exception_handlers={Problem: problem, HTTPException: _refused, Exception: _failed},
        openapi_config=_description(),
        logging_config=None,
    )


def _admit(scope: Scope, keyring: Keyring) -> None:
    path = scope["path_template"]
    roles = roles_for(scope["method"], path)
    is_sending = (scope["method"], path) == ("POST", PATH)
    if roles != ANYONE and not is_sending:  # the endpoint looks at its key itself, and counts what it refuses
        keyring.admitted(scope["headers"], roles)


def _description() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="Tieout",
        version=__version__,
        description="Metered billing that ties out: usage in, each item's fate in the answer.",
        path="/schema",
        render_plugins=[JsonRenderPlugin(path=["/", "/openapi.json"], media_type="application/json")],  # type: ignore[arg-type]
        components=Components(
            security_schemes={
                "key": SecurityScheme(type="http", scheme="bearer", description="`tieout key create`")
            }
        ),
        security=[{"key": []}],
    )


def _response(answer: HttpAnswer) -> Response[bytes]:
    return Response(
        answer.body,
        status_code=answer.status,
        media_type=answer.content_type.decode(),
        headers={name.decode(): value.decode() for name, value in answer.headers},
    )


def _refused(_: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    code = {404: "not-found", 405: "method-not-allowed"}.get(error.status_code, "refused")
    headers = {name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"}
    return _response(Problem(error.status_code, code, error.detail or "Refused.", headers).answer())


def _failed(_: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    LOGGER.error("a request failed", exc_info=error)
    return _response(failure().answer())
