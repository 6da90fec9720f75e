"""Routes beside the events: numbers for a monitor, and what a source states that it sent."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.types import ControllerRouterHandler

from tieout.api.access import roles_for
from tieout.api.answers import Problem, refusal
from tieout.api.body import read_statement
from tieout.api.keyring import Keyring
from tieout.flows.control_total_document import Member, control_total_document
from tieout.flows.control_totals import control_total, state_control_total
from tieout.flows.home import Home
from tieout.flows.metrics import CONTENT_TYPE, metrics_text
from tieout.kernel.errors import TieoutError

METRICS, CONTROL_TOTALS = "/metrics", "/v1/control-totals"


class Statement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A control total as it is sent: instants as RFC 3339, `events` and `total` as plain decimals."""

    source: str
    id: str
    type: str
    start: str
    end: str
    events: int | str
    field: str | None = None
    total: str | None = None


def watching_routes(home: Home, keyring: Keyring) -> list[ControllerRouterHandler]:
    """`GET /metrics` and `POST /v1/control-totals`."""

    @get(METRICS, tags=["server"], summary="Rates, lags and sizes as Prometheus text")
    async def metrics() -> Response[bytes]:
        return Response(await asyncio.to_thread(metrics_text, home), media_type=CONTENT_TYPE)

    @post(
        CONTROL_TOTALS,
        status_code=200,
        tags=["events"],
        summary="State what a source sent in a window",
        request_max_body_size=None,  # `read_statement` counts itself, so that the refusal is ours
    )
    async def state_total(request: Request[Any, Any, Any]) -> dict[str, Member]:
        """Repeating a statement changes nothing: its source and id are its idempotency key. 409 where the
        source stated something else under the same id.
        """
        known = keyring.admitted(request.scope["headers"], roles_for("POST", CONTROL_TOTALS))
        body = await read_statement(request, "A statement", key_id=known.key.key_id)
        stated = _statement(body, known.key.key_id)
        if not known.scope.allows(stated.source):
            detail = "This key may not speak for that source."
            raise Problem(403, "source-forbidden", detail, key_id=known.key.key_id)
        return await asyncio.to_thread(_stated, home, stated, known.key.key_id)

    return [metrics, state_total]


def _statement(body: bytes, key_id: str) -> Statement:
    try:
        return msgspec.json.decode(body, type=Statement)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        detail = f"The statement cannot be read: {error}."
        raise Problem(400, "malformed-control-total", detail, key_id=key_id) from None


def _stated(home: Home, given: Statement, key_id: str) -> dict[str, Member]:
    try:
        stated = control_total(
            source=given.source,
            id=given.id,
            type=given.type,
            start=given.start,
            end=given.end,
            events=str(given.events),
            field=given.field,
            total=given.total,
        )
        return control_total_document(state_control_total(home, stated, by=key_id))
    except TieoutError as error:
        raise refusal(error) from None
