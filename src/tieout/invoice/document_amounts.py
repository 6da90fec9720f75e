"""The part of the document between the lines and what is due. Amounts are texts in the invoice's currency.

An amount that is taken off (a discount, a line's share of one) is negative; a credit used is positive.
"""

from __future__ import annotations

from tieout.invoice.amounts import CreditUsed, InvoiceDiscount, LineBeside, TaxAmount
from tieout.invoice.discounts import net_amounts
from tieout.invoice.invoice import Invoice
from tieout.kernel.canonical import JsonNumber, JsonValue
from tieout.kernel.ids import LineId
from tieout.kernel.instant import format_instant
from tieout.kernel.period import Period
from tieout.kernel.rational import exact_text

Members = dict[str, JsonValue]


def document_amounts(invoice: Invoice) -> Members:
    """From the subtotal to what is due."""
    return {
        "subtotal": invoice.subtotal.decimal_text,
        "discounts": [_discount(discount) for discount in invoice.discounts],
        "taxes": [_tax(tax) for tax in invoice.taxes],
        "total": invoice.total.decimal_text,
        "credits": [_credit(credit) for credit in invoice.credits],
        "due": invoice.due.decimal_text,
    }


def line_amounts(invoice: Invoice) -> dict[LineId, Members]:
    """What each line comes to after its shares of the discounts."""
    net = net_amounts(invoice.lines, invoice.discounts)
    return {line: {"amount_after_discounts": amount.decimal_text} for line, amount in net.items()}


def _discount(discount: InvoiceDiscount) -> JsonValue:
    given: list[JsonValue] = [
        {"line": line, "amount": amount.decimal_text} for line, amount in discount.given
    ]
    return {
        **({"given_before": given} if given else {}),
        **({} if discount.corrects is None else {"corrects": _period(discount.corrects)}),
        **({"lines_beside": [_beside(each) for each in discount.beside]} if discount.beside else {}),
        "name": discount.name,
        "coupon": discount.reference,
        "coupon_version": JsonNumber(str(discount.version)),
        "coupon_digest": discount.digest,
        "percent": None if discount.percent is None else exact_text(discount.percent),
        "stated": None if discount.stated is None else discount.stated.decimal_text,
        "base": discount.base.decimal_text,
        "amount": discount.amount.decimal_text,
        "unused": discount.unused.decimal_text,
        "shares": [{"line": line, "amount": share.decimal_text} for line, share in discount.shares],
        "text": discount.text,
    }


def _period(period: Period) -> JsonValue:
    return {"start": format_instant(period.start), "end": format_instant(period.end)}


def _beside(each: LineBeside) -> JsonValue:
    return {
        "line": each.line,
        "amount": each.amount.decimal_text,
        "given": each.given.decimal_text,
        **({"in_advance": True} if each.in_advance else {}),
    }


def _tax(tax: TaxAmount) -> JsonValue:
    return {
        "name": tax.name,
        "reference": tax.reference,
        "version": JsonNumber(str(tax.version)),
        "digest": tax.digest,
        "jurisdiction": tax.jurisdiction,
        "percent": exact_text(tax.percent),
        "base": tax.base.decimal_text,
        "amount": tax.amount.decimal_text,
        "inclusive": tax.inclusive,
        "compound": tax.compound,
        "rounding": tax.rounding.value,
        "lines": list(tax.lines),
        "text": tax.text,
        "note": tax.note,
    }


def _credit(credit: CreditUsed) -> JsonValue:
    return {"account": credit.account, "text": credit.text, "amount": credit.amount.decimal_text}
