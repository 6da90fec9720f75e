"""Prepaid credits pay what discounts left: all of the total with its taxes, or, where a grant is for some
lines only, no more than those lines come to."""

from __future__ import annotations

from tests.amounts import coupon, drafted, fee, tax, taxation
from tieout.balance.grant import Grant, GrantKind, granted
from tieout.balance.movement import Movement
from tieout.close.credits import pay_with_credits
from tieout.close.reconcile_amounts import amount_breaks
from tieout.close.reconcile_balances import balance_breaks
from tieout.invoice.invoice import Invoice
from tieout.kernel.ids import CustomerId, PriceKey
from tieout.kernel.instant import Instant
from tieout.kernel.money import CURRENCIES, Money

INVOICE = drafted(
    fee(10_000, key="calls"),
    fee(10_000, key="fee"),
    coupons=[coupon("half", percent="50", prices=["calls"])],
    taxed=taxation(tax("vat", "10")),
)
"""50.00 and 100.00 after the coupon, and 15.00 of tax."""


def grant_of(minor: int, *prices: str) -> list[Movement]:
    grant = Grant(
        id="g",
        customer=CustomerId("acme"),
        amount=Money(minor, CURRENCIES["USD"]),
        kind=GrantKind.PAID,
        priority=100,
        effective_at=Instant(0),
        expires_at=None,
        prices=tuple(PriceKey(price) for price in prices),
    )
    return [granted(grant, person="Fay", reason="agreed")]


def paid(opening: list[Movement]) -> Invoice:
    invoice, moved = pay_with_credits(INVOICE, opening)
    assert [*amount_breaks(invoice), *balance_breaks(invoice, opening, moved)] == []
    return invoice


def test_a_grant_pays_discounted_lines_and_their_taxes() -> None:
    invoice = paid(grant_of(99_999))
    assert (invoice.total.minor, invoice.credits[0].amount.minor, invoice.due.minor) == (16_500, 16_500, 0)


def test_a_grant_for_some_lines_pays_what_discounts_left_of_them() -> None:
    invoice = paid(grant_of(99_999, "calls"))
    assert (invoice.credits[0].amount.minor, invoice.due.minor) == (5_000, 11_500)
