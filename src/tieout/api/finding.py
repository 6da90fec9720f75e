"""`GET /v1/events`: accepted events by filter, a page at a time, in the order of their positions."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from litestar import Request, get
from litestar.openapi.spec import (
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    Parameter,
    Schema,
)
from litestar.types import ControllerRouterHandler

from tieout.api.access import roles_for
from tieout.api.answers import TITLES, Problem, refusal
from tieout.api.description import PROBLEM
from tieout.api.events import PATH
from tieout.api.keyring import Keyring, KnownKey
from tieout.api.limits import FINDS_AT_ONCE_MAX, PAGE_EVENTS, PAGE_EVENTS_MAX, WHERE_MAX
from tieout.contract.api_key import KeyRole
from tieout.flows.find_events import EventFilter, event_json, find_events
from tieout.flows.home import Home
from tieout.kernel.errors import TieoutError
from tieout.kernel.instant import Instant, parse_instant

NUMBER_DIGITS_MAX = 18
PARAMETERS: Mapping[str, str] = {
    "id": "the event's id",
    "source": "its source",
    "customer": "events of this customer's subjects, as it had them",
    "subject": "its subject",
    "type": "its type",
    "since": "events at this RFC 3339 instant or later",
    "until": "events before this instant",
    "where": f"name=value of a field, an undeclared member or an attribute; up to {WHERE_MAX} times",
    "position": "its position, as b61.r5",
    "as_of": "as the log was at the end of this batch",
    "after": "the cursor `next` of the page before; ask the same otherwise, with as_of for one moment",
    "limit": f"events on a page, 1 to {PAGE_EVENTS_MAX}, {PAGE_EVENTS} where it is left out",
}
_TEXT = Schema(type=OpenAPIType.STRING)
_COUNT = Schema(type=OpenAPIType.INTEGER, minimum=0)
_SCHEMAS: Mapping[str, Schema] = {
    "where": Schema(type=OpenAPIType.ARRAY, items=_TEXT, max_items=WHERE_MAX),
    "as_of": _COUNT,
    "limit": Schema(type=OpenAPIType.INTEGER, minimum=1, maximum=PAGE_EVENTS_MAX),
}
_PAGE = Schema(
    title="Events",
    description="decimals as strings; `next` is null on the last page; the log ended at batch `watermark`",
    type=OpenAPIType.OBJECT,
    properties={
        "events": Schema(type=OpenAPIType.ARRAY, items=Schema(type=OpenAPIType.OBJECT)),
        "next": Schema(type=[OpenAPIType.STRING, OpenAPIType.NULL]),
        "watermark": _COUNT,
    },
    required=["events", "next", "watermark"],
)
_STATUSES = (400, 401, 403, 404, 422, 503)


@dataclass
class FindOperation(Operation):
    """The operation, written out: parameters are read here, so that a refusal names the one that is wrong."""

    def __post_init__(self) -> None:
        self.parameters = [
            Parameter(name=name, param_in="query", required=False, description=text, schema=_schema(name))
            for name, text in PARAMETERS.items()
        ]
        page = OpenAPIResponse(
            description="A page of events", content={"application/json": OpenAPIMediaType(schema=_PAGE)}
        )
        problem = {"application/problem+json": OpenAPIMediaType(schema=PROBLEM)}
        refused = {
            str(each): OpenAPIResponse(description=TITLES[each], content=problem) for each in _STATUSES
        }
        self.responses = {"200": page, **refused}


def finding_routes(home: Home, keyring: Keyring) -> list[ControllerRouterHandler]:
    """`GET /v1/events`. Few are answered at once: a filter may read much of the log."""
    room = asyncio.Semaphore(FINDS_AT_ONCE_MAX)

    @get(PATH, operation_class=FindOperation, tags=["events"], summary="Find accepted events")
    async def find(request: Request[Any, Any, Any]) -> dict[str, Any]:
        """Accepted events, retracted ones too: these name their retraction in `retracted_by`. A key of role
        source sees events of its own sources only.
        """
        known = keyring.admitted(request.scope["headers"], roles_for("GET", PATH))
        given = _given(request.scope["query_string"])
        async with room:
            return await asyncio.to_thread(_found, home, known, given)

    return [find]


def _given(query: bytes) -> dict[str, list[str]]:
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=64)
    except (UnicodeDecodeError, ValueError) as error:
        raise Problem(400, "malformed-query-string", f"The query cannot be read: {error}.") from None
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        if name not in PARAMETERS:
            known = ", ".join(PARAMETERS)
            raise Problem(
                400, "unknown-parameter", f"There is no parameter {name[:64]!r}; there are {known}."
            )
        given.setdefault(name, []).append(value)
    for name, values in given.items():
        most = WHERE_MAX if name == "where" else 1
        if len(values) > most:
            raise Problem(400, "repeated-parameter", f"{name}: {len(values)} times; {most} is the most.")
    return given


def _found(home: Home, known: KnownKey, given: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    one = {name: values[0] for name, values in given.items()}
    try:
        wanted = EventFilter(
            id=one.get("id"),
            source=one.get("source"),
            sources=_own_sources(home, known, one.get("source")),
            customer=one.get("customer"),
            subject=one.get("subject"),
            type=one.get("type"),
            since=_instant(one, "since"),
            until=_instant(one, "until"),
            attributes=tuple(given.get("where", ())),
            position=one.get("position"),
            as_of=_number(one, "as_of", 0),
        )
        limit = _number(one, "limit", 1, PAGE_EVENTS_MAX) or PAGE_EVENTS
        page = find_events(home, wanted, after=one.get("after"), limit=limit)
    except TieoutError as error:
        raise refusal(error) from None
    return {
        "events": [event_json(each) for each in page.events],
        "next": page.next,
        "watermark": page.watermark,
    }


def _own_sources(home: Home, known: KnownKey, asked: str | None) -> frozenset[str] | None:
    """The sources that a sender's key may speak for, of those that sent something; None: all of them."""
    if known.key.role is not KeyRole.SOURCE:
        return None
    if asked is not None and not known.scope.allows(asked):
        detail = "This key may not ask for events of that source."
        raise Problem(403, "source-forbidden", detail, key_id=known.key.key_id)
    return frozenset(source for source in home.review.sources() if known.scope.allows(source))


def _instant(given: Mapping[str, str], name: str) -> Instant | None:
    if name not in given:
        return None
    try:
        return parse_instant(given[name])
    except TieoutError as error:
        raise Problem(422, "malformed-parameter", f"{name}: {error}") from None


def _number(given: Mapping[str, str], name: str, least: int, most: int | None = None) -> int | None:
    text = given.get(name)
    if text is None:
        return None
    is_number = text.isascii() and text.isdigit() and len(text) <= NUMBER_DIGITS_MAX
    if not is_number or int(text) < least or (most is not None and int(text) > most):
        bounds = f"from {least}" if most is None else f"{least} to {most}"
        raise Problem(422, "malformed-parameter", f"{name}: a whole number {bounds}, not {text[:64]!r}.")
    return int(text)


def _schema(name: str) -> Schema:
    return _SCHEMAS.get(name, _TEXT)
