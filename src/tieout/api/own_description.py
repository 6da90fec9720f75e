"""How what customers set for themselves is described in OpenAPI: bodies of budget, alert, target and code."""

from __future__ import annotations

from dataclasses import dataclass

from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema

from tieout.contract.own_alert import OWN_FIGURES
from tieout.contract.reading.own import OWN_CHANNELS, OWN_NAME_LENGTH_MAX, OWN_PERCENT_OF
from tieout.contract.watching import Rearm

_TEXT = Schema(type=OpenAPIType.STRING)
_DECIMAL = Schema(type=OpenAPIType.STRING, description="a decimal")
_SEVERITY = Schema(type=OpenAPIType.STRING, enum=["info", "warning", "critical"])
BUDGET = Schema(
    title="Budget",
    description="For each billing period; the currency may be left out.",
    type=OpenAPIType.OBJECT,
    properties={"amount": _DECIMAL, "currency": _TEXT},
    required=["amount"],
)
ALERT = Schema(
    title="Alert",
    description="Thresholds rise: percentages of `percent_of`, else quantities of `meter`, or amounts.",
    type=OpenAPIType.OBJECT,
    properties={
        "name": Schema(type=OpenAPIType.STRING, max_length=OWN_NAME_LENGTH_MAX),
        "watch": Schema(type=OpenAPIType.STRING, enum=[each.value for each in OWN_FIGURES]),
        "meter": _TEXT,
        "percent_of": Schema(type=OpenAPIType.STRING, enum=sorted(each.value for each in OWN_PERCENT_OF)),
        "currency": _TEXT,
        "at": Schema(type=OpenAPIType.ARRAY, items=_DECIMAL, min_items=1),
        "rearm": Schema(type=OpenAPIType.STRING, enum=[each.value for each in Rearm]),
        "rearm_below": _DECIMAL,
        "severity": _SEVERITY,
        "targets": Schema(type=OpenAPIType.ARRAY, items=_TEXT),
    },
    required=["watch", "at"],
)
TARGET = Schema(
    title="Target",
    description="A webhook has `url`, e-mail has `address`.",
    type=OpenAPIType.OBJECT,
    properties={
        "kind": Schema(type=OpenAPIType.STRING, enum=[each.value for each in OWN_CHANNELS]),
        "url": _TEXT,
        "address": _TEXT,
        "digest_minutes": Schema(type=OpenAPIType.INTEGER, minimum=0),
        "quiet_hours": Schema(
            type=OpenAPIType.OBJECT,
            properties={"from": _TEXT, "until": _TEXT, "zone": _TEXT},
            required=["from", "until", "zone"],
        ),
    },
    required=["kind"],
)
CODE = Schema(title="Verification", type=OpenAPIType.OBJECT, properties={"code": _TEXT}, required=["code"])


def _body(schema: Schema) -> RequestBody:
    return RequestBody(required=True, content={"application/json": OpenAPIMediaType(schema=schema)})


@dataclass
class BudgetOperation(Operation):
    """The operation, written out: its body is read here, so that a refusal names what is wrong."""

    def __post_init__(self) -> None:
        self.request_body = _body(BUDGET)


@dataclass
class AlertOperation(Operation):
    """The same with an alert."""

    def __post_init__(self) -> None:
        self.request_body = _body(ALERT)


@dataclass
class TargetOperation(Operation):
    """The same with a target."""

    def __post_init__(self) -> None:
        self.request_body = _body(TARGET)


@dataclass
class CodeOperation(Operation):
    """The same with the code that a mailbox was sent."""

    def __post_init__(self) -> None:
        self.request_body = _body(CODE)
