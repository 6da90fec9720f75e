"""The routes as they are described: every route has its roles, and requests made up from the description
never find a way to a 5xx.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from tests.surface.served import Served, make_served
from tieout.api.access import ANYONE, ROLES_BY_ROUTE, roles_for
from tieout.api.app import litestar_app
from tieout.api.events import PATH
from tieout.api.keyring import Keyring
from tieout.contract.api_key import KeyRole

CASES = 40


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = make_served(tmp_path_factory.mktemp("described") / "home")
    served.start(workers=1)
    yield served
    assert served.stop() == 0
    assert "Traceback" not in "".join(served.told)
    served.verified()


def routes() -> set[tuple[str, str]]:
    """(method, path) of everything that the router answers; OPTIONS comes with each path."""
    app = litestar_app(None, None, Keyring(), None, None)  # type: ignore[arg-type] # nothing is sent to it
    return {
        (method, getattr(route, "path_format", route.path))
        for route in app.routes
        for method in getattr(route, "methods", ())
        if method not in ("OPTIONS", "HEAD")
    }


def test_every_route_has_its_roles_and_every_row_its_route() -> None:
    found = routes()
    assert {route for route in found if not route[1].startswith("/schema")} == {
        route for route in ROLES_BY_ROUTE if not route[1].startswith("/schema")
    }
    assert {route for route in ROLES_BY_ROUTE if route[1].startswith("/schema")} <= found
    for roles in ROLES_BY_ROUTE.values():
        assert roles == ANYONE or roles <= set(KeyRole)


def test_a_route_that_is_not_in_the_table_is_nobodys() -> None:
    assert roles_for("GET", "/v1/secrets") == frozenset()
    assert roles_for("DELETE", PATH) == frozenset()


def test_only_what_is_anyones_is_answered_without_a_key(served: Served) -> None:
    for method, path in sorted(routes()):
        answer = httpx.request(method, f"{served.address}{path}")
        allowed = roles_for(method, path) == ANYONE
        assert (answer.status_code == 200) == allowed, f"{method} {path}: {answer.status_code}"
        assert allowed or answer.status_code in (401, 404), f"{method} {path}: {answer.status_code}"


def test_the_description_names_every_way_and_every_answer(served: Served) -> None:
    described = httpx.get(f"{served.address}/schema").json()
    assert described == httpx.get(f"{served.address}/schema/openapi.json").json()
    operation = described["paths"][PATH]["post"]
    assert set(operation["requestBody"]["content"]) == {
        "application/json",
        "application/cloudevents+json",
        "application/cloudevents-batch+json",
        "application/x-ndjson",
    }
    assert {"200", "400", "401", "403", "409", "413", "415", "429", "503"} <= set(operation["responses"])
    assert operation.get("security", described.get("security")) == [{"key": []}]
    assert described["paths"]["/health"]["get"]["security"] == [{}]


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_requests_made_up_from_the_description_never_break_the_server(
    served: Served, mode: GenerationMode
) -> None:
    described = schemathesis.openapi.from_url(f"{served.address}/schema")
    operations = {one.ok().label: one.ok() for one in described.get_all_operations()}
    assert f"POST {PATH}" in operations
    for operation in operations.values():
        statuses = statuses_of(served, operation, mode)
        if operation.label == f"POST {PATH}" and mode is GenerationMode.POSITIVE:
            assert 200 in statuses


def statuses_of(served: Served, operation: Any, mode: GenerationMode) -> set[int]:
    statuses: set[int] = set()

    @given(operation.as_strategy(mode))
    @settings(max_examples=CASES, suppress_health_check=list(HealthCheck), deadline=None)
    def send(case: schemathesis.Case) -> None:
        answer = case.call(headers={"authorization": f"Bearer {served.token}"}, timeout=30)
        assert answer.status_code < 500, (answer.status_code, answer.text)
        statuses.add(answer.status_code)

    with contextlib.suppress(Unsatisfiable):  # there is no wrong way to ask for /health
        send()
    return statuses
