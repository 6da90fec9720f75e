"""How `POST /v1/events` is described in OpenAPI: its bodies, its receipt and its problems."""

from __future__ import annotations

from dataclasses import dataclass

from litestar.openapi.spec import (
    Example,
    OpenAPIHeader,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    Parameter,
    RequestBody,
    Schema,
)

from tieout.api.answers import TITLES
from tieout.kernel.limits import IDEMPOTENCY_KEY_LENGTH_MAX, REQUEST_ITEMS_MAX

EVENT = Schema(
    title="CloudEvent",
    description="CloudEvents 1.0 in the JSON format, with data as the event type's contract says.",
    type=OpenAPIType.OBJECT,
    properties={
        "specversion": Schema(type=OpenAPIType.STRING, const="1.0"),
        "id": Schema(type=OpenAPIType.STRING, min_length=1, max_length=128),
        "source": Schema(type=OpenAPIType.STRING, min_length=1, max_length=256),
        "type": Schema(type=OpenAPIType.STRING, min_length=1, max_length=128),
        "subject": Schema(type=OpenAPIType.STRING, min_length=1, max_length=256),
        "time": Schema(type=OpenAPIType.STRING, description="RFC 3339, with its offset"),
        "data": Schema(type=OpenAPIType.OBJECT),
    },
    required=["id", "source", "type", "subject", "time"],
)
_COUNT = Schema(type=OpenAPIType.INTEGER, minimum=0)
_TEXT = Schema(type=OpenAPIType.STRING)
NOT_ACCEPTED = Schema(
    type=OpenAPIType.OBJECT,
    properties={
        "index": Schema(type=OpenAPIType.INTEGER, minimum=0, description="place in the request, from 0"),
        "verdict": Schema(type=OpenAPIType.STRING, enum=["duplicate", "conflict", "quarantined"]),
        "reason": _TEXT,
        "field": Schema(type=[OpenAPIType.STRING, OpenAPIType.NULL]),
        "detail": _TEXT,
        "original": Schema(type=OpenAPIType.STRING, description="the accepted event it repeats, as b61.r5"),
        "item": Schema(type=OpenAPIType.STRING, description="its place in the quarantine"),
    },
    required=["index", "verdict"],
)
RECEIPT = Schema(
    title="Receipt",
    description="received = accepted + duplicate + conflict + quarantined",
    type=OpenAPIType.OBJECT,
    properties={
        "batch": Schema(type=OpenAPIType.INTEGER, minimum=1),
        **dict.fromkeys(("received", "accepted", "duplicate", "conflict", "quarantined"), _COUNT),
        "not_accepted": Schema(type=OpenAPIType.ARRAY, items=NOT_ACCEPTED),
    },
    required=["batch", "received", "accepted", "duplicate", "conflict", "quarantined", "not_accepted"],
)
PROBLEM = Schema(
    title="Problem",
    description="RFC 9457",
    type=OpenAPIType.OBJECT,
    properties={
        **dict.fromkeys(("type", "title", "detail", "code"), _TEXT),
        "status": Schema(type=OpenAPIType.INTEGER),
    },
    required=["type", "title", "status", "detail", "code"],
)
ARRAY = Schema(type=OpenAPIType.ARRAY, items=EVENT, min_items=1, max_items=REQUEST_ITEMS_MAX)
STATUSES = (400, 401, 403, 408, 409, 413, 415, 429, 431, 503)
_EXAMPLE = Example(
    value={
        "specversion": "1.0",
        "id": "7f1d",
        "source": "gateway-1",
        "type": "llm.request",
        "subject": "customer-00001",
        "time": "2026-01-15T12:00:00Z",
        "data": {"model": "medium-8k", "input_tokens": 1200, "output_tokens": 80},
    }
)


@dataclass
class EventsOperation(Operation):
    """The operation, written out: litestar derives nothing of a body that it does not decode."""

    def __post_init__(self) -> None:
        self.description = (
            "One CloudEvent in structured mode, a JSON array, or NDJSON; in binary mode the attributes are "
            "`ce-` headers and the body is the data. Content-Encoding may be gzip. Every item is received "
            "and has one verdict; an item that cannot be accepted never refuses the others. Durable when it "
            "answers."
        )
        self.request_body = RequestBody(
            required=True,
            content={
                "application/json": OpenAPIMediaType(
                    schema=Schema(one_of=[EVENT, ARRAY]), examples={"one event": _EXAMPLE}
                ),
                "application/cloudevents+json": OpenAPIMediaType(schema=EVENT),
                "application/cloudevents-batch+json": OpenAPIMediaType(schema=ARRAY),
                "application/x-ndjson": OpenAPIMediaType(schema=_TEXT),
            },
        )
        self.parameters = [
            Parameter(
                name="Idempotency-Key",
                param_in="header",
                required=False,
                description="The same key and request get the same receipt, for ever; nothing is doubled.",
                schema=Schema(
                    type=OpenAPIType.STRING,
                    min_length=1,
                    max_length=IDEMPOTENCY_KEY_LENGTH_MAX,
                    pattern="^[!-~]+$",
                ),
            )
        ]
        self.responses = {
            "200": OpenAPIResponse(
                description="Received: the counts, and each item that was not accepted",
                content={"application/json": OpenAPIMediaType(schema=RECEIPT)},
                headers={
                    "Idempotent-Replayed": OpenAPIHeader(
                        description="true: the receipt was stored before", schema=_TEXT, required=False
                    )
                },
            ),
            **{
                str(status): OpenAPIResponse(
                    description=TITLES[status],
                    content={"application/problem+json": OpenAPIMediaType(schema=PROBLEM)},
                )
                for status in STATUSES
            },
        }
