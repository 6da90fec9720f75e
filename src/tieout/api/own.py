"""`/v1/customers/{customer}/budget`, `.../alerts` and `.../targets`: what a customer sets for itself, with a
key of its own. Any other customer is refused alike, whether it exists or not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from litestar import Request, delete, get, post, put
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from tieout.api.access import roles_for
from tieout.api.answers import Problem, refusal
from tieout.api.body import read_object
from tieout.api.keyring import Keyring
from tieout.api.own_description import AlertOperation, BudgetOperation, CodeOperation, TargetOperation
from tieout.flows.home import Home
from tieout.flows.own_changes import Table, remove_own, set_alert, set_budget
from tieout.flows.own_document import (
    alert_json,
    budget_json,
    own_alert,
    own_alerts,
    own_budget,
    own_change_json,
    own_changes,
    own_target,
    own_targets,
    set_target_json,
    target_json,
)
from tieout.flows.own_settings import BUDGET_KEY
from tieout.flows.own_targets import rotate_own_secret, set_target, verify_target
from tieout.kernel.errors import TieoutError
from tieout.ports.own_settings import Decided, SettingKind

BUDGET = "/v1/customers/{customer}/budget"
ALERTS, ALERT = "/v1/customers/{customer}/alerts", "/v1/customers/{customer}/alerts/{alert}"
TARGETS, TARGET = "/v1/customers/{customer}/targets", "/v1/customers/{customer}/targets/{target}"
VERIFICATION, SECRET = TARGET + "/verification", TARGET + "/secret"
Answer = dict[str, Any]
AnyRequest = Request[Any, Any, Any]


def own_routes(home: Home, keyring: Keyring) -> list[ControllerRouterHandler]:
    """All of them."""
    desk = _Desk(home, keyring)
    return [*_budget_routes(desk), *_alert_routes(desk), *_target_routes(desk), *_secret_routes(desk)]


class _Desk:
    """Who asks, for whom, and the flow that answers."""

    def __init__(self, home: Home, keyring: Keyring) -> None:
        self.home = home
        self._keyring = keyring

    async def answer(
        self, request: AnyRequest, route: str, customer: str, flow: Callable[[Decided], Answer]
    ) -> Answer:
        by = self._admitted(request, route, customer)
        return await _answered(flow, by)

    async def change(
        self, request: AnyRequest, route: str, customer: str, flow: Callable[[Table, Decided], Answer]
    ) -> Answer:
        """The same, with the object in the body, of which nothing is read for a stranger."""
        by = self._admitted(request, route, customer)
        assert by.api_key is not None, "who asks has a key"
        table = await read_object(request, "A setting", code="malformed-setting", key_id=by.api_key)
        return await _answered(lambda decided: flow(table, decided), by)

    def _admitted(self, request: AnyRequest, route: str, customer: str) -> Decided:
        known = self._keyring.admitted(request.scope["headers"], roles_for(str(request.method), route))
        if known.key.customer not in (None, customer):
            detail = "This key may see and change what its own customer has set only."
            raise Problem(403, "customer-forbidden", detail, key_id=known.key.key_id)
        return Decided(None, None, known.key.key_id)


async def _answered(flow: Callable[[Decided], Answer], by: Decided) -> Answer:
    try:
        return await asyncio.to_thread(flow, by)
    except TieoutError as error:
        raise refusal(error) from None


def _budget_routes(desk: _Desk) -> list[ControllerRouterHandler]:
    home, route = desk.home, _route(BUDGET)

    @get(route, tags=["own"], summary="The budget that a customer has set for itself")
    async def show(request: AnyRequest, customer: FromPath[str]) -> Answer:
        return await desk.answer(
            request, BUDGET, customer, lambda _: {**budget_json(own_budget(home, customer))}
        )

    @put(
        route,
        tags=["own"],
        summary="Set the budget",
        operation_class=BudgetOperation,
        request_max_body_size=None,
    )
    async def set_(request: AnyRequest, customer: FromPath[str]) -> Answer:
        """For each billing period. The same again changes nothing."""

        def flow(table: Table, by: Decided) -> Answer:
            return {**budget_json(set_budget(home, customer, table, by))}

        return await desk.change(request, BUDGET, customer, flow)

    @delete(route, status_code=200, tags=["own"], summary="Remove the budget")
    async def remove(request: AnyRequest, customer: FromPath[str]) -> Answer:
        """Alerts in percent of it are not read then."""

        def flow(by: Decided) -> Answer:
            remove_own(home, customer, SettingKind.BUDGET, BUDGET_KEY, by)
            return {"customer": customer, "removed": True}

        return await desk.answer(request, BUDGET, customer, flow)

    return [show, set_, remove]


def _alert_routes(desk: _Desk) -> list[ControllerRouterHandler]:
    home, route = desk.home, _route(ALERT)

    @get(_route(ALERTS), tags=["own"], summary="The alerts that a customer has set for itself")
    async def list_(request: AnyRequest, customer: FromPath[str]) -> Answer:
        return await desk.answer(
            request,
            ALERTS,
            customer,
            lambda _: {"alerts": [alert_json(each) for each in own_alerts(home, customer)]},
        )

    @get(route, tags=["own"], summary="One alert, and when it was crossed")
    async def show(request: AnyRequest, customer: FromPath[str], alert: FromPath[str]) -> Answer:
        """`changes`: when it was crossed and armed again, the newest first."""

        def flow(_: Decided) -> Answer:
            found = own_alert(home, customer, alert)
            return {
                **alert_json(found),
                "changes": [own_change_json(each) for each in own_changes(home, found)],
            }

        return await desk.answer(request, ALERT, customer, flow)

    @put(
        route,
        tags=["own"],
        summary="Set an alert",
        operation_class=AlertOperation,
        request_max_body_size=None,
    )
    async def set_(request: AnyRequest, customer: FromPath[str], alert: FromPath[str]) -> Answer:
        """It tells the customer's own targets, and does nothing else. The same again changes nothing; what is
        changed is a new version, crossed where its figure is there already."""

        def flow(table: Table, by: Decided) -> Answer:
            return {**alert_json(set_alert(home, customer, alert, table, by))}

        return await desk.change(request, ALERT, customer, flow)

    @delete(route, status_code=200, tags=["own"], summary="Remove an alert")
    async def remove(request: AnyRequest, customer: FromPath[str], alert: FromPath[str]) -> Answer:
        def flow(by: Decided) -> Answer:
            remove_own(home, customer, SettingKind.ALERT, alert, by)
            return {"customer": customer, "key": alert, "removed": True}

        return await desk.answer(request, ALERT, customer, flow)

    return [list_, show, set_, remove]


def _target_routes(desk: _Desk) -> list[ControllerRouterHandler]:
    home, route = desk.home, _route(TARGET)

    @get(_route(TARGETS), tags=["own"], summary="Where a customer wants to be told")
    async def list_(request: AnyRequest, customer: FromPath[str]) -> Answer:
        def flow(_: Decided) -> Answer:
            return {"targets": [target_json(home, each) for each in own_targets(home, customer)]}

        return await desk.answer(request, TARGETS, customer, flow)

    @get(route, tags=["own"], summary="One target, and how the last message to it went")
    async def show(request: AnyRequest, customer: FromPath[str], target: FromPath[str]) -> Answer:
        return await desk.answer(
            request, TARGET, customer, lambda _: {**target_json(home, own_target(home, customer, target))}
        )

    @put(
        route,
        tags=["own"],
        summary="Set a target",
        operation_class=TargetOperation,
        request_max_body_size=None,
    )
    async def set_(request: AnyRequest, customer: FromPath[str], target: FromPath[str]) -> Answer:
        """The answer to a new webhook has the `secret` that it is signed with, this once. A mailbox is sent a
        code, and is written to when that has come back."""

        def flow(table: Table, by: Decided) -> Answer:
            return {**set_target_json(home, set_target(home, customer, target, table, by))}

        return await desk.change(request, TARGET, customer, flow)

    @delete(route, status_code=200, tags=["own"], summary="Remove a target")
    async def remove(request: AnyRequest, customer: FromPath[str], target: FromPath[str]) -> Answer:
        """409 while an alert names it."""

        def flow(by: Decided) -> Answer:
            remove_own(home, customer, SettingKind.TARGET, target, by)
            return {"customer": customer, "key": target, "removed": True}

        return await desk.answer(request, TARGET, customer, flow)

    return [list_, show, set_, remove]


def _secret_routes(desk: _Desk) -> list[ControllerRouterHandler]:
    home = desk.home

    @put(
        _route(VERIFICATION),
        tags=["own"],
        summary="Give back the code that a mailbox was sent",
        operation_class=CodeOperation,
        request_max_body_size=None,
    )
    async def verify(request: AnyRequest, customer: FromPath[str], target: FromPath[str]) -> Answer:
        def flow(table: Table, by: Decided) -> Answer:
            code = table.get("code")
            if set(table) != {"code"} or not isinstance(code, str):
                raise Problem(422, "malformed-code", 'The body is {"code": "..."}, as the mail has it.')
            return {**target_json(home, verify_target(home, customer, target, code, by))}

        return await desk.change(request, VERIFICATION, customer, flow)

    @post(_route(SECRET), status_code=200, tags=["own"], summary="Make a new secret for a webhook")
    async def rotate(request: AnyRequest, customer: FromPath[str], target: FromPath[str]) -> Answer:
        """The answer has it, this once; those before stay valid for a day. Asked again, it makes another, and
        takes none away: no Idempotency-Key is needed."""
        return await desk.answer(
            request,
            SECRET,
            customer,
            lambda by: {**set_target_json(home, rotate_own_secret(home, customer, target, by))},
        )

    return [verify, rotate]


def _route(path: str) -> str:
    """As the router wants it."""
    return path.replace("}", ":str}")
