"""Customers' own: `own_budget = { customer, amount }`; `own_alert = { customer, key, set }`."""

from __future__ import annotations

from tests.own_home import BY_KEY
from tests.scenarios.frame import Playing, Told, Verb
from tieout.flows.own_changes import set_alert, set_budget


def own_budget(playing: Playing, step: Told) -> None:
    told = step["own_budget"]
    set_budget(playing.stage.home, told["customer"], {"amount": told["amount"]}, BY_KEY)


def own_alert(playing: Playing, step: Told) -> None:
    told = step["own_alert"]
    set_alert(playing.stage.home, told["customer"], told["key"], told["set"], BY_KEY)


STEPS = {"own_budget": Verb(own_budget), "own_alert": Verb(own_alert)}
