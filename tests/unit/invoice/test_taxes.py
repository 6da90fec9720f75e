"""Taxes by hand: added, contained, compound, by category, set aside."""

from __future__ import annotations

from tests.amounts import coupon, drafted, fee, tax, taxation
from tieout.invoice.invoice import Invoice
from tieout.invoice.taxes import Taxation
from tieout.kernel.rounding import Rounding
from tieout.rate.charge import Charge


def taxed(levied: Taxation, *charges: Charge, code: str = "USD") -> Invoice:
    return drafted(*charges, taxed=levied, code=code)


def rows(invoice: Invoice) -> list[tuple[str, str, str]]:
    return [(row.name, row.base.decimal_text, row.amount.decimal_text) for row in invoice.taxes]


def test_an_exclusive_tax_is_added() -> None:
    invoice = taxed(taxation(tax("vat", "19")), fee(10_000))
    assert rows(invoice) == [("VAT", "100.00", "19.00")]
    assert invoice.total.decimal_text == "119.00"


def test_an_inclusive_tax_is_contained_and_adds_nothing() -> None:
    """119.00 x 19 / 119 = 19.00; 10.00 x 19 / 119 = 1.5966, so 1.60 of 10.00, on a base of 8.40."""
    assert rows(taxed(taxation(tax("vat", "19", inclusive=True)), fee(11_900))) == [
        ("VAT", "100.00", "19.00")
    ]
    invoice = taxed(taxation(tax("vat", "19", inclusive=True)), fee(1_000))
    assert rows(invoice) == [("VAT", "8.40", "1.60")]
    assert invoice.total.decimal_text == "10.00"


def test_a_tax_shows_its_working() -> None:
    (added,) = taxed(taxation(tax("vat", "19")), fee(1_902)).taxes
    assert added.text == "19 % of 19.02 USD = 3.6138 USD rounded half away from zero to 3.61 USD"
    (contained,) = taxed(taxation(tax("vat", "19", inclusive=True)), fee(11_900)).taxes
    assert contained.text == "19/119 of 119.00 USD = 19.00 USD, contained in the prices"


def test_a_tax_is_rounded_once_on_the_sum_of_its_lines() -> None:
    """Three times 0.10 at 15 %: 0.045 is 0.05; by line it would be 3 x 0.02 = 0.06."""
    assert rows(taxed(taxation(tax("vat", "15")), *[fee(10)] * 3)) == [("VAT", "0.30", "0.05")]


def test_the_rounding_is_the_taxs_own() -> None:
    """10 % of 1,119 yen is 111.9; consumption tax that rounds down asks for 111."""
    down = taxation(tax("ct", "10", rounding=Rounding.DOWN))
    assert rows(taxed(down, fee(1_119, code="JPY"), code="JPY")) == [("CT", "1119", "111")]
    assert rows(taxed(taxation(tax("ct", "10")), fee(1_119, code="JPY"), code="JPY")) == [
        ("CT", "1119", "112")
    ]


def test_dinars_are_taxed_to_the_fils() -> None:
    """5 % of 1.234 is 0.0617: 0.062."""
    assert rows(taxed(taxation(tax("vat", "5")), fee(1_234, code="KWD"), code="KWD")) == [
        ("VAT", "1.234", "0.062")
    ]


def test_a_compound_tax_counts_those_before_it_as_they_were_rounded() -> None:
    """5 % of 33.33 is 1.6665: 1.67. 9.975 % of 35.00 is 3.49125: 3.49."""
    levied = taxation(tax("gst", "5"), tax("qst", "9.975", compound=True))
    assert rows(taxed(levied, fee(3_333))) == [("GST", "33.33", "1.67"), ("QST", "35.00", "3.49")]


def test_taxes_that_are_not_compound_have_one_base() -> None:
    levied = taxation(tax("state", "4"), tax("city", "4.5"))
    assert rows(taxed(levied, fee(10_000))) == [("STATE", "100.00", "4.00"), ("CITY", "100.00", "4.50")]


def test_several_inclusive_taxes_share_what_they_are_contained_in() -> None:
    """115.00 holds 100.00, 5 % and 10 %; compounded, 115.50 holds 100.00, 5.00 and 10 % of 105.00."""
    plain = taxation(tax("a", "5", inclusive=True), tax("b", "10", inclusive=True))
    assert rows(taxed(plain, fee(11_500))) == [("A", "100.00", "5.00"), ("B", "100.00", "10.00")]
    upon = taxation(tax("a", "5", inclusive=True), tax("b", "10", inclusive=True, compound=True))
    assert rows(taxed(upon, fee(11_550))) == [("A", "100.00", "5.00"), ("B", "105.00", "10.50")]


def test_each_category_bears_its_own_rate_and_untaxed_lines_are_shown() -> None:
    full, low = tax("full", "20", categories=["standard"]), tax("low", "5", categories=["books"])
    charges = [fee(10_000), fee(1_000, category="books"), fee(300, category="stamps")]
    invoice = taxed(taxation(full, low), *charges)
    assert rows(invoice) == [
        ("FULL", "100.00", "20.00"),
        ("LOW", "10.00", "0.50"),
        ("Not taxed", "3.00", "0.00"),
    ]
    assert [row.lines for row in invoice.taxes] == [(line.id,) for line in invoice.lines]


def test_a_tax_on_no_line_has_no_row() -> None:
    assert rows(taxed(taxation(tax("low", "5", categories=["books"])), fee(100))) == []


def test_taxes_are_on_what_discounts_left_of_each_line() -> None:
    """A coupon of 10.00 on 60.00 and 40.00 takes 6.00 and 4.00: 20 % of 54.00, 5 % of 36.00."""
    full, low = tax("full", "20", categories=["standard"]), tax("low", "5", categories=["books"])
    charges = [fee(6_000), fee(4_000, category="books")]
    invoice = drafted(*charges, coupons=[coupon("ten", amount="10")], taxed=taxation(full, low))
    assert rows(invoice) == [("FULL", "54.00", "10.80"), ("LOW", "36.00", "1.80")]
    assert invoice.total.decimal_text == "102.60"


def test_a_negative_base_gives_a_negative_tax() -> None:
    invoice = taxed(taxation(tax("vat", "19")), fee(-10_000))
    assert rows(invoice) == [("VAT", "-100.00", "-19.00")]
    assert invoice.total.decimal_text == "-119.00"


def test_a_tax_that_is_set_aside_says_why_and_charges_nothing() -> None:
    for inclusive in (False, True):
        levied = taxation(tax("vat", "19", inclusive=inclusive), set_aside="Exempt: charity")
        invoice = taxed(levied, fee(10_000))
        (row,) = invoice.taxes
        assert (row.amount.minor, row.percent, row.base.minor, row.note) == (0, 0, 10_000, "Exempt: charity")
        assert invoice.total.minor == 10_000


def test_an_exemption_is_printed_even_where_no_tax_is_named() -> None:
    assert rows(taxed(taxation(set_aside="Exempt: charity"), fee(500))) == [("Tax", "5.00", "0.00")]
