"""Each tie between lines and due, broken on purpose, is found by its name."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from tests.amounts import coupon, drafted, fee, tax, taxation
from tieout.close.reconcile_amounts import (
    TIE_CURRENCY,
    TIE_DISCOUNT,
    TIE_DUE,
    TIE_SHARES,
    TIE_TAX,
    TIE_TOTAL,
    amount_breaks,
)
from tieout.invoice.amounts import CreditUsed, InvoiceDiscount, TaxAmount
from tieout.invoice.invoice import Invoice
from tieout.kernel.money import CURRENCIES, Money
from tieout.kernel.rounding import Rounding

USD = CURRENCIES["USD"]
CENT = Money(1, USD)
SOUND = drafted(
    fee(6_000, key="a"),
    fee(4_000, key="b"),
    fee(-500, key="c"),
    coupons=[coupon("half", percent="50", prices=["a", "b"]), coupon("big", amount="100", prices=["b", "c"])],
    taxed=taxation(tax("gst", "5"), tax("qst", "9.975", compound=True)),
)
CONTAINED = drafted(
    fee(11_550),
    taxed=taxation(tax("a", "5", inclusive=True), tax("b", "10", inclusive=True, compound=True)),
)


def with_discount(place: int, **changes: object) -> Invoice:
    found = list(SOUND.discounts)
    found[place] = replace(found[place], **changes)
    return replace(SOUND, discounts=tuple(found))


def with_tax(invoice: Invoice, place: int, **changes: object) -> Invoice:
    found = list(invoice.taxes)
    found[place] = replace(found[place], **changes)
    return replace(invoice, taxes=tuple(found))


def ties(invoice: Invoice) -> set[str]:
    return {found.tie for found in amount_breaks(invoice)}


def half() -> InvoiceDiscount:
    return SOUND.discounts[0]


def gst() -> TaxAmount:
    return SOUND.taxes[0]


def test_a_sound_invoice_has_no_break() -> None:
    assert ties(SOUND) == set()
    assert ties(CONTAINED) == set()
    assert SOUND.discounts[1].unused.minor > 0


def test_shares_that_do_not_add_up() -> None:
    (line, share), *rest = half().shares
    assert TIE_SHARES in ties(with_discount(0, shares=((line, share - CENT), *rest)))


def test_shares_that_add_up_on_the_wrong_lines() -> None:
    (first, share), (second, other) = half().shares
    swapped = ((first, other), (second, share))
    assert TIE_SHARES in ties(with_discount(0, shares=swapped))
    moved = ((first, share + CENT + CENT), (second, other - CENT - CENT))
    assert TIE_SHARES in ties(with_discount(0, shares=moved))
    twice = ((first, share), (first, other))
    assert TIE_SHARES in ties(with_discount(0, shares=twice))


def test_a_discount_that_its_terms_do_not_give() -> None:
    assert TIE_DISCOUNT in ties(with_discount(0, percent=Fraction(49)))
    assert TIE_DISCOUNT in ties(with_discount(0, base=half().base + CENT))
    assert TIE_DISCOUNT in ties(with_discount(1, unused=CENT))
    assert TIE_DISCOUNT in ties(with_discount(1, stated=CENT))


@pytest.mark.parametrize("place", [0, 1])
def test_a_tax_that_its_base_does_not_give(place: int) -> None:
    for invoice in (SOUND, CONTAINED):
        row = invoice.taxes[place]
        assert TIE_TAX in ties(with_tax(invoice, place, amount=row.amount + CENT))
        assert TIE_TAX in ties(with_tax(invoice, place, base=row.base - CENT))
        assert TIE_TAX in ties(with_tax(invoice, place, percent=row.percent + 1))
        assert TIE_TAX in ties(with_tax(invoice, place, compound=not row.compound)) or place == 0
        assert TIE_TAX in ties(with_tax(invoice, place, lines=row.lines[1:]))


def test_a_tax_rounded_by_another_rule() -> None:
    assert TIE_TAX in ties(with_tax(SOUND, 1, rounding=Rounding.UP))


def test_a_total_and_a_subtotal_that_do_not_add_up() -> None:
    assert TIE_TOTAL in ties(replace(SOUND, total=SOUND.total + CENT))
    assert TIE_TOTAL in ties(replace(SOUND, subtotal=SOUND.subtotal + CENT))
    assert TIE_TOTAL in ties(replace(SOUND, taxes=()))
    assert TIE_TOTAL in ties(replace(SOUND, discounts=()))


def test_a_credit_that_adds_to_what_is_due() -> None:
    assert ties(replace(SOUND, credits=(CreditUsed("wallet", "used", -CENT),))) == {TIE_DUE}


def test_an_amount_in_another_currency() -> None:
    in_euro = replace(SOUND.customer, currency="EUR")
    assert TIE_CURRENCY in ties(replace(SOUND, customer=in_euro))
    row = replace(gst(), base=Money(gst().base.minor, CURRENCIES["EUR"]))
    assert TIE_CURRENCY in ties(replace(SOUND, taxes=(row, *SOUND.taxes[1:])))
