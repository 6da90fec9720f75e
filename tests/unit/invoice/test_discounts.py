"""Coupons on the lines of an invoice: their order, what they leave, and whose share it is."""

from __future__ import annotations

from tests.amounts import coupon, drafted, fee
from tieout.invoice.invoice import Invoice
from tieout.kernel.ids import SubscriptionId


def amounts(invoice: Invoice) -> list[str]:
    return [discount.amount.decimal_text for discount in invoice.discounts]


def shares(invoice: Invoice, place: int = 0) -> list[int]:
    return [share.minor for _, share in invoice.discounts[place].shares]


def test_percents_come_before_sums_so_that_a_sum_is_worth_what_it_says() -> None:
    """20 % of 100.00 is 20.00, then 10.00: 70.00 is left. The other way round it would be 72.00."""
    ten, fifth = coupon("ten", amount="10", since=1), coupon("fifth", percent="20", since=2)
    invoice = drafted(fee(10_000), coupons=[ten, fifth])
    assert amounts(invoice) == ["-20.00", "-10.00"]
    assert invoice.total.decimal_text == "70.00"
    assert [each.text for each in invoice.discounts] == [
        "20 % of 100.00 USD = 20.00 USD",
        "10.00 USD off 80.00 USD",
    ]


def test_of_two_percents_the_later_is_of_what_the_earlier_left() -> None:
    later, earlier = coupon("a", percent="50", since=9), coupon("b", percent="10", since=3)
    invoice = drafted(fee(10_000), coupons=[later, earlier])
    assert [(each.reference, each.amount.minor) for each in invoice.discounts] == [
        ("b", -1_000),
        ("a", -4_500),
    ]


def test_a_rounded_discount_says_how() -> None:
    (discount,) = drafted(fee(35), coupons=[coupon("c", percent="10")]).discounts
    assert discount.text == "10 % of 0.35 USD = 0.035 USD rounded half away from zero to 0.04 USD"


def test_a_discount_is_rounded_once_and_shared_by_largest_remainder() -> None:
    """10 % of 0.35 is 0.035, so 0.04. Parts of 15, 10 and 10 in 35: 1.71, 1.14, 1.14 make 2, 1, 1."""
    invoice = drafted(
        fee(15, key="a"), fee(10, key="b"), fee(10, key="c"), coupons=[coupon("c", percent="10")]
    )
    assert shares(invoice) == [-2, -1, -1]


def test_ties_go_to_the_earlier_line() -> None:
    invoice = drafted(
        fee(100, key="a"), fee(100, key="b"), fee(100, key="c"), coupons=[coupon("c", amount="0.02")]
    )
    assert shares(invoice) == [-1, -1, 0]


def test_nothing_is_taken_below_zero_and_what_was_not_usable_is_said() -> None:
    invoice = drafted(fee(750), coupons=[coupon("ten", amount="10")])
    (discount,) = invoice.discounts
    assert (discount.amount.minor, discount.unused.minor, invoice.total.minor) == (-750, 250, 0)
    assert discount.text == "7.50 USD off 7.50 USD; 2.50 USD not used, not carried over"


def test_a_credit_line_makes_the_base_smaller_and_bears_no_share() -> None:
    """100.00 and -20.00 come to 80.00; 25 % of it are 20.00, all of them on the first line."""
    invoice = drafted(fee(10_000, key="a"), fee(-2_000, key="b"), coupons=[coupon("c", percent="25")])
    assert shares(invoice) == [-2_000, 0]
    assert invoice.total.minor == 6_000


def test_where_lines_come_to_less_than_nothing_there_is_nothing_to_discount() -> None:
    invoice = drafted(fee(-500), coupons=[coupon("p", percent="50"), coupon("s", amount="1")])
    assert amounts(invoice) == ["0.00", "0.00"]
    assert invoice.total.minor == -500
    assert [each.text for each in invoice.discounts] == [
        "nothing to take it off: its lines come to -5.00 USD",
        "nothing to take it off: its lines come to -5.00 USD; 1.00 USD not used, not carried over",
    ]


def test_a_coupon_is_for_the_lines_it_names_and_says_when_there_are_none() -> None:
    only = coupon("c", percent="50", prices=["calls"])
    invoice = drafted(fee(1_000), fee(500, key="calls"), coupons=[only])
    assert shares(invoice) == [-250]
    none = drafted(fee(1_000), coupons=[only])
    assert (none.discounts[0].amount.minor, none.discounts[0].text) == (
        0,
        "no line of this invoice is one that it is for",
    )


def test_a_subscriptions_coupon_is_not_for_another_ones_lines() -> None:
    one, other = SubscriptionId("one"), SubscriptionId("other")
    invoice = drafted(
        fee(1_000, subscription=one),
        fee(1_000, subscription=other),
        coupons=[coupon("c", percent="10", only=other)],
    )
    assert [(line, share.minor) for line, share in invoice.discounts[0].shares] == [
        (invoice.lines[1].id, -100)
    ]


def test_yen_have_no_fraction_and_dinars_have_three_places() -> None:
    """15 % of 999 yen is 149.85: 150. 15 % of 0.999 dinars is 0.14985: 0.150."""
    yen = drafted(fee(999, code="JPY"), coupons=[coupon("c", percent="15")], code="JPY")
    dinars = drafted(fee(999, code="KWD"), coupons=[coupon("c", percent="15")], code="KWD")
    assert (amounts(yen), amounts(dinars)) == (["-150"], ["-0.150"])
