"""L16 by types: what each kind of rule can become, read off the functions that make it. (Who may import whom
is a contract of import-linter.)"""

from __future__ import annotations

import types
import typing
from typing import get_type_hints

from tieout.trigger.alert.telling import Telling, telling_of
from tieout.trigger.charge import control
from tieout.trigger.charge.control import HoldLifted, HoldPlaced, InterimAsked, ReviewAsked, effect_of
from tieout.trigger.invoice.request import CloseAsked, Declined, taken_up


def results(function: object) -> set[object]:
    found = get_type_hints(function)["return"]
    is_union = isinstance(found, types.UnionType) or typing.get_origin(found) is typing.Union
    return set(typing.get_args(found)) if is_union else {found}


def test_an_alert_can_only_tell() -> None:
    assert results(telling_of) == {Telling}
    assert set(get_type_hints(Telling)) == {*("id", "customer", "severity", "title", "text", "targets")}


def test_a_control_can_hold_ask_and_lift_but_not_bill() -> None:
    assert results(effect_of) == {HoldPlaced, ReviewAsked, InterimAsked, HoldLifted, type(None)}
    assert not [name for name in vars(control) if "Invoice" in name or "Line" in name or "Close" in name]


def test_an_invoice_rule_can_only_have_an_account_looked_at() -> None:
    assert results(taken_up) == {CloseAsked, Declined}
    assert set(get_type_hints(CloseAsked)) == {"request", "customer", "period"}
