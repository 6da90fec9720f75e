"""Which role may use which route. What is not in the table is refused: a test walks the router against it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tieout.contract.api_key import KeyRole

ANYONE: Final = frozenset({"anyone"})
"""No key is asked for."""

ROLES_BY_ROUTE: Final[Mapping[tuple[str, str], frozenset[str]]] = {
    ("POST", "/v1/events"): frozenset({KeyRole.SOURCE}),
    ("GET", "/v1/events"): frozenset(KeyRole) - {KeyRole.CUSTOMER},
    ("GET", "/v1/usage"): frozenset(KeyRole) - {KeyRole.SOURCE},
    ("GET", "/v1/usage/stream"): frozenset(KeyRole) - {KeyRole.SOURCE},
    ("GET", "/v1/entitlements/{customer}"): frozenset(KeyRole) - {KeyRole.SOURCE},
    ("POST", "/v1/control-totals"): frozenset({KeyRole.SOURCE}),
    ("GET", "/v1/notices"): frozenset({KeyRole.FINANCE, KeyRole.OPS, KeyRole.ENGINEERING, KeyRole.AUDITOR}),
    ("POST", "/v1/notices/{notice}/acknowledgement"): frozenset(
        {KeyRole.FINANCE, KeyRole.OPS, KeyRole.ENGINEERING}
    ),
    **{
        ("GET", f"/v1/customers/{{customer}}/{each}"): frozenset(KeyRole) - {KeyRole.SOURCE}
        for each in ("budget", "alerts", "alerts/{alert}", "targets", "targets/{target}")
    },
    **{
        (method, f"/v1/customers/{{customer}}/{each}"): frozenset({KeyRole.CUSTOMER})
        for method in ("PUT", "DELETE")
        for each in ("budget", "alerts/{alert}", "targets/{target}")
    },
    ("PUT", "/v1/customers/{customer}/targets/{target}/verification"): frozenset({KeyRole.CUSTOMER}),
    ("POST", "/v1/customers/{customer}/targets/{target}/secret"): frozenset({KeyRole.CUSTOMER}),
    **{
        ("GET", route): frozenset({KeyRole.FINANCE, KeyRole.OPS, KeyRole.ENGINEERING, KeyRole.AUDITOR})
        for route in ("/v1/disputes", "/v1/disputes/{dispute}")
    },
    **{
        ("GET", f"/v1/customers/{{customer}}/{each}"): frozenset(KeyRole) - {KeyRole.SOURCE}
        for each in ("disputes", "disputes/{dispute}")
    },
    ("POST", "/v1/disputes"): frozenset({KeyRole.OPS}),
    ("POST", "/v1/customers/{customer}/disputes"): frozenset({KeyRole.CUSTOMER}),
    ("GET", "/metrics"): frozenset({KeyRole.OPS, KeyRole.ENGINEERING}),
    ("GET", "/health"): ANYONE,
    ("GET", "/schema"): ANYONE,
    ("GET", "/schema/openapi.json"): ANYONE,
}
"""(method, path as a request's scope has its template) -> roles."""


def roles_for(method: str, path: str) -> frozenset[str]:
    """The roles that may; empty, hence nobody, for a route that the table leaves out."""
    return ROLES_BY_ROUTE.get((method, path), frozenset())
