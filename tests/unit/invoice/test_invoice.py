"""From charges to sealed bytes: settling, ids, totals, the life of an invoice, its document."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction

import pytest

from tests.records import JANUARY, POLICY, SELLER, SUBSCRIPTION, customer, period, plan, price, snapshot
from tieout.contract.price import Flat, PerUnit
from tieout.invoice.document import document_bytes
from tieout.invoice.draft import draft, moved
from tieout.invoice.invoice import Invoice, InvoiceKey
from tieout.invoice.line import TooManyLines, line_id
from tieout.invoice.number import format_number
from tieout.invoice.seal import sealed_invoice
from tieout.invoice.status import TRANSITIONS, Act, ForbiddenTransition, Status, after
from tieout.kernel.ids import InvoiceId, Watermark
from tieout.kernel.instant import parse_instant
from tieout.kernel.money import CurrencyMismatch
from tieout.kernel.rational import exact
from tieout.kernel.rounding import Rounding
from tieout.rate.charge import Charge
from tieout.rate.rate import rate

ISSUED = parse_instant("2026-02-02T03:00:00Z")


def usage(quantity: str, unit_amount: str) -> Charge:
    each = price(PerUnit(exact(unit_amount), exact("1")))
    return rate(
        snapshot(quantity), each, plan=plan("p"), subscription=SUBSCRIPTION, period=JANUARY, segment=JANUARY
    )


def fee(start: str, end: str, currency: str = "USD") -> Charge:
    flat = price(Flat(exact("31")), meter=None, currency=currency, key="fee")
    part = period(start, end)
    return rate(None, flat, plan=plan("fee"), subscription=SUBSCRIPTION, period=JANUARY, segment=part)


def drafted(*charges: Charge) -> Invoice:
    return draft(
        customer=customer(),
        seller=SELLER,
        period=JANUARY,
        charges=charges,
        cutoff=Watermark(7),
        policy=POLICY,
        tzdata_version="2026a",
        software_version="0.1.0",
    )


def test_each_line_is_rounded_once_and_lines_add_up() -> None:
    invoice = drafted(usage("1", "0.005"), usage("1", "0.005"), usage("-1", "0.005"))
    assert [line.amount.decimal_text for line in invoice.lines] == ["0.01", "0.01", "-0.01"]
    assert (invoice.subtotal.decimal_text, invoice.total.decimal_text) == ("0.01", "0.01")


@pytest.mark.parametrize(
    ("amount", "rounding", "words"),
    [
        ("12.345", Rounding.HALF_AWAY_FROM_ZERO, "12.345 USD rounded half away from zero to 12.35 USD"),
        ("-1234.005", Rounding.HALF_EVEN, "-1,234.005 USD rounded half to even to -1,234.00 USD"),
        ("0.001", Rounding.UP, "0.001 USD rounded away from zero to 0.01 USD"),
        ("0.009", Rounding.DOWN, "0.009 USD rounded towards zero to 0.00 USD"),
        ("-0.009", Rounding.CEILING, "-0.009 USD rounded up to 0.00 USD"),
        ("-0.001", Rounding.FLOOR, "-0.001 USD rounded down to -0.01 USD"),
        ("12.35", Rounding.UP, None),
    ],
)
def test_a_line_says_how_it_was_rounded_where_it_was(
    amount: str, rounding: Rounding, words: str | None
) -> None:
    charge = usage("1", amount)
    invoice = drafted(replace(charge, price=replace(charge.price, rounding=rounding)))
    assert invoice.lines[0].settlement == words
    printed = json.loads(document_bytes(invoice))["lines"][0]
    assert printed.get("settlement") == words
    assert printed["rounding"] == rounding.value
    assert sum(Fraction(step["amount"]) for step in printed["steps"]) == Fraction(printed["exact_amount"])


def test_ids_follow_from_what_the_invoice_is_and_nothing_else() -> None:
    first, second = drafted(usage("1", "1")), drafted(usage("2", "1"))
    assert first.id == second.id
    assert first.id.startswith("in_") and len(first.id) == 19
    assert first.lines[0].id == f"{first.id}-001"
    key = first.key
    others = [
        replace(key, sequence=2),
        replace(key, kind="interim"),
        replace(key, currency="EUR"),
        replace(key, series="X"),
        replace(key, period=period("2026-01-01", "2026-02-02")),
    ]
    assert len({key.invoice_id, *(other.invoice_id for other in others)}) == 6


def test_joined_parts_cannot_be_confused() -> None:
    left = InvoiceKey(customer().key, JANUARY, "AB", "C", "final", 1)
    right = InvoiceKey(customer().key, JANUARY, "A", "BC", "final", 1)
    assert left.invoice_id != right.invoice_id


def test_parts_of_a_period_show_as_two_lines_in_the_customers_zone() -> None:
    invoice = drafted(fee("2026-01-15T05:00:00Z", "2026-02-01"), fee("2026-01-01", "2026-01-15T05:00:00Z"))
    assert [line.description for line in invoice.lines] == [
        "Tokens (2025-12-31 19:00:00 until 2026-01-15)",
        "Tokens (2026-01-15 until 2026-01-31 19:00:00)",
    ]


def test_another_currency_does_not_add_up() -> None:
    with pytest.raises(CurrencyMismatch):
        drafted(fee("2026-01-01", "2026-02-01", currency="EUR"))


def test_numbers_keep_six_digits_and_outgrow_them() -> None:
    assert [format_number("INV", n) for n in (1, 999_999, 1_000_000)] == [
        "INV-000001",
        "INV-999999",
        "INV-1000000",
    ]
    with pytest.raises(TooManyLines):
        line_id(InvoiceId("in_0"), 1000)


def test_only_a_reconciled_invoice_is_sealed_and_sealed_is_the_end() -> None:
    invoice = drafted(usage("1", "1"))
    with pytest.raises(ForbiddenTransition):
        sealed_invoice(invoice, number="INV-000001", issued_at=ISSUED)
    sealed = sealed_invoice(moved(invoice, Act.RECONCILED), number="INV-000001", issued_at=ISSUED)
    assert sealed.status is Status.SEALED
    for act in Act:
        assert (Status.SEALED, act) not in TRANSITIONS
        with pytest.raises(ForbiddenTransition):
            after(Status.SEALED, act)


def test_the_due_date_counts_from_the_customers_own_day() -> None:
    ready = moved(drafted(usage("1", "1")), Act.RECONCILED)
    sealed = sealed_invoice(ready, number="INV-000001", issued_at=ISSUED)
    assert sealed.due_date is not None
    assert sealed.due_date.isoformat() == "2026-03-03"  # 1 February, 22:00 in New York, and 30 days


def test_the_document_has_what_a_reader_needs_and_no_float() -> None:
    ready = moved(drafted(usage("1500", "0.02"), fee("2026-01-01", "2026-02-01")), Act.RECONCILED)
    content = document_bytes(sealed_invoice(ready, number="INV-000001", issued_at=ISSUED))

    def no_float(text: str) -> float:
        raise AssertionError(text)

    document = json.loads(content, parse_float=no_float)
    assert (document["number"], document["status"], document["total"]) == ("INV-000001", "sealed", "61.00")
    assert document["period"] == {
        "start": "2026-01-01T00:00:00Z",
        "end": "2026-02-01T00:00:00Z",
        "zone": "America/New_York",
    }
    line = document["lines"][0]
    assert [line[key] for key in ("meter", "quantity", "unit", "amount", "price_version")] == [
        "tokens",
        "1500",
        "tokens",
        "30.00",
        1,
    ]
    assert line["steps"][0]["text"] == "1,500 tokens at 0.02 USD each = 30.00 USD"
    assert document["purchase_order"] == "PO-7"
    assert document["cutoff"] == 7
    assert content == json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
