"""Each tie of balances, broken on purpose, is named; honest movements have no break."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.records import JANUARY, SUBSCRIPTION, period, plan, price
from tests.unit.close.test_reconcile import drafted
from tieout.balance.burn import Burned, used
from tieout.balance.grant import Grant, GrantKind, granted
from tieout.balance.movement import Movement, MovementKind
from tieout.close import reconcile_balances
from tieout.close.credits import counts_at, pay_with_credits
from tieout.close.fees import Fees, fee_movements
from tieout.close.reconcile_balances import balance_breaks
from tieout.contract.price import Flat
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant
from tieout.kernel.money import Money, currency
from tieout.kernel.rational import exact
from tieout.rate.rate import rate

USD = currency("USD")
GRANT = Grant("g", CustomerId("acme"), Money(300, USD), GrantKind.PAID, 1, Instant(0), None)
OPENING = (granted(GRANT, person="Fay", reason="bought"),)
FEBRUARY = period("2026-02-01", "2026-03-01")
FEE = price(Flat(exact("10"), "advance"), meter=None)
OWN = rate(None, FEE, plan=plan("p"), subscription=SUBSCRIPTION, period=JANUARY, segment=JANUARY)
AHEAD = rate(None, FEE, plan=plan("p"), subscription=SUBSCRIPTION, period=FEBRUARY, segment=FEBRUARY)


def ties(moved: list[Movement], **changes: object) -> list[str]:
    paid, _ = pay_with_credits(drafted(OWN), OPENING)
    return [found.tie for found in balance_breaks(replace(paid, **changes), OPENING, moved)]  # type: ignore[arg-type]


PAID, MOVED = pay_with_credits(drafted(OWN), OPENING)


def test_an_honest_draft_ties() -> None:
    assert ties(MOVED) == [] and [credit.amount.minor for credit in PAID.credits] == [300]
    assert PAID.due == Money(700, USD)


@pytest.mark.parametrize(
    "moved",
    [
        [],
        [replace(MOVED[0], amount=Money(-299, USD))],
        [replace(MOVED[0], account="wallet/other")],
        [replace(MOVED[0], amount=Money(-300, currency("EUR")))],
    ],
    ids=["none", "another amount", "another grant", "another currency"],
)
def test_credits_that_are_not_the_movements_are_a_break(moved: list[Movement]) -> None:
    assert reconcile_balances.TIE_CREDITS in ties(moved)


def test_more_credit_than_the_total_is_a_break() -> None:
    much = Burned(GRANT, Money(1001, USD))
    moved = used([much], PAID.id, at=counts_at(JANUARY))
    credits_ = (replace(PAID.credits[0], amount=much.amount),)
    assert ties(moved, credits=credits_) == [reconcile_balances.TIE_CREDITS, reconcile_balances.TIE_BALANCE]


def test_a_balance_below_zero_and_a_movement_twice_are_breaks() -> None:
    below = replace(MOVED[0], id="void/g", kind=MovementKind.VOIDED, amount=Money(-1, USD))
    assert ties([*MOVED, below]) == [reconcile_balances.TIE_BALANCE]
    assert reconcile_balances.TIE_BALANCE in ties([*MOVED, replace(MOVED[0], amount=Money(0, USD))])


def test_a_line_for_the_time_to_come_is_what_was_billed_in_advance() -> None:
    invoice = drafted(OWN, AHEAD)
    moved = fee_movements(Fees((), (), ()), invoice, at=counts_at(JANUARY))
    assert [each.amount.minor for each in moved] == [1000]
    assert balance_breaks(invoice, (), moved) == []
    assert [each.tie for each in balance_breaks(invoice, (), [])] == [reconcile_balances.TIE_ADVANCE]
    wrong = [replace(moved[0], amount=Money(999, USD))]
    assert [each.tie for each in balance_breaks(invoice, (), wrong)] == [reconcile_balances.TIE_ADVANCE]
