"""Disputes of an invoice opened one after another never come to more than there is: summed up here once more.
What is sent again opens nothing, and what asks for nothing cannot be disputed."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.dispute.sample import CLAIM, LINE, history
from tieout.dispute.dispute import Dispute, fold
from tieout.dispute.event import Claim
from tieout.dispute.opening import (
    DisputedInvoice,
    DisputedLine,
    DisputeOrder,
    check_room_again,
    claim_made,
    refuse_what_asks_for_nothing,
    same_dispute,
)
from tieout.dispute.refused import DisputeRefused
from tieout.dispute.room import NoRoom
from tieout.dispute.state import Act
from tieout.dispute.type import DisputeType
from tieout.kernel.ids import InvoiceId, LineId
from tieout.kernel.money import Money, currency

USD = currency("USD")
ID = InvoiceId("in_1")
ORDER = DisputeOrder("INV-1", "3", DisputeType.DATA, None, "not ours")


def opened(claim: Claim, place: int = 1) -> Dispute:
    return fold(history(Act.OPENED, dispute=f"dp_{place}", claim=claim))


def invoice(left: int, *disputes: Dispute) -> DisputedInvoice:
    return DisputedInvoice(ID, "INV-1", USD, left, disputes)


def text(minor: int) -> str:
    return f"{Decimal(minor) / 100:.2f}"


@given(
    lines=st.lists(st.integers(1, 5_000), min_size=1, max_size=3),
    asked=st.lists(st.tuples(st.integers(-1, 2), st.none() | st.integers(1, 6_000)), max_size=8),
)
def test_what_is_disputed_never_comes_to_more_than_there_is(
    lines: list[int], asked: list[tuple[int, int | None]]
) -> None:
    left, disputes = sum(lines), list[Dispute]()
    of_line = dict.fromkeys(range(-1, len(lines)), 0)
    for place, minor in asked:
        if place >= len(lines):
            continue
        line = None if place < 0 else DisputedLine(LineId(f"in_1-{place}"), lines[place], lambda _minor: 0)
        taken = sum(of_line.values())
        fits_line = left - taken if line is None else lines[place] - of_line[place]
        order = replace(ORDER, amount=None if minor is None else text(minor))
        wanted = fits_line if minor is None else minor
        if 0 < wanted <= fits_line and wanted <= left - taken:
            claim = claim_made(order, invoice(left, *disputes), line)
            assert (claim.amount, claim.with_tax) == (wanted, wanted)
            disputes.append(opened(claim, len(disputes) + 1))
            of_line[place] += wanted
        else:
            with pytest.raises((NoRoom, DisputeRefused)):
                claim_made(order, invoice(left, *disputes), line)


def test_what_waits_has_its_tax_and_must_fit_the_invoice_too() -> None:
    line = DisputedLine(LINE, 1_000, lambda minor: minor * 19 // 100)
    assert claim_made(ORDER, invoice(1_190), line) == CLAIM
    with pytest.raises(NoRoom, match="INV-1, which that comes to with taxes,"):
        claim_made(ORDER, invoice(1_189), line)


@pytest.mark.parametrize("amount", ["0", "-1", "0.005"])
def test_an_amount_is_above_zero_in_whole_minor_units(amount: str) -> None:
    with pytest.raises(DisputeRefused, match="above zero, in whole minor units of USD"):
        claim_made(replace(ORDER, amount=amount), invoice(1_000), None)


def test_the_same_words_of_the_same_person_are_one_dispute() -> None:
    known = [opened(CLAIM)]
    order = replace(ORDER, amount="10.0")
    assert same_dispute(known, order, ID, LINE, person=" OLGA") == known[0]
    assert same_dispute(known, ORDER, ID, LINE, person="Olga") == known[0]
    for other in (
        replace(order, amount="10.01"),
        replace(order, reason="late"),
        replace(order, type=DisputeType.PRICE),
    ):
        assert same_dispute(known, other, ID, LINE, person="Olga") is None
    assert same_dispute(known, order, ID, LINE, person="Oleg") is None
    assert same_dispute(known, order, ID, None, person="Olga") is None


def test_one_that_is_reopened_needs_its_room_again() -> None:
    check_room_again(CLAIM, invoice(1_190), left_of_line=1_000)
    beside = opened(replace(CLAIM, amount=1, with_tax=1), 2)
    with pytest.raises(NoRoom, match=f"line {LINE}"):
        check_room_again(CLAIM, invoice(2_000, beside), left_of_line=1_000)
    with pytest.raises(NoRoom, match="invoice INV-1"):
        check_room_again(CLAIM, invoice(1_190, beside), left_of_line=1_001)
    whole = replace(CLAIM, line=None, amount=1_190)
    with pytest.raises(NoRoom, match="invoice INV-1"):
        check_room_again(whole, invoice(1_190, beside), left_of_line=None)


def test_what_asks_for_nothing_is_not_disputed() -> None:
    refuse_what_asks_for_nothing("INV-1", Money(1, USD), is_void=False)
    with pytest.raises(DisputeRefused, match=r"INV-1 is voided: nothing .*; INV-1 comes to 0\.00 USD"):
        refuse_what_asks_for_nothing("INV-1", Money(0, USD), is_void=True)
