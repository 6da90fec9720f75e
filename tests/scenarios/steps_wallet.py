"""Credit: `wallet` grants some, or tells what a customer holds at an instant."""

from __future__ import annotations

from tests.scenarios.frame import Playing, Told, Verb
from tieout.flows.wallet import GrantOrder, grant_credit, show_wallet
from tieout.kernel.instant import parse_instant
from tieout.kernel.money import Money


def wallet(playing: Playing, step: Told) -> None:
    told, home = step["wallet"], playing.stage.home
    if "grant" in told:
        order = GrantOrder(
            customer=told["customer"],
            amount=told["amount"],
            currency=None,
            kind=told["kind"],
            priority=told.get("priority", 100),
            effective_at=parse_instant(told["effective"]) if "effective" in told else None,
            expires_at=parse_instant(told["expires"]) if "expires" in told else None,
            prices=tuple(told.get("prices", ())),
            plans=(),
        )
        grant_credit(home, order, grant_id=told["grant"], person="Fay", reason="agreed")
        return
    view = show_wallet(home, told["customer"], at=parse_instant(told["as_of"]))
    left = {held.grant.id: Money(held.left, held.grant.amount.currency) for held in view.grants}
    assert {grant: amount.decimal_text for grant, amount in left.items()} == told["left"]
    assert [amount.decimal_text for amount in view.balances] == [told["balance"]]
    assert [f"{each.kind} {each.amount.decimal_text}" for each in view.movements] == told["movements"]


STEPS = {"wallet": Verb(wallet)}
