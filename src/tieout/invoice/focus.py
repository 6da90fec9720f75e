"""Sealed invoices as FOCUS columns: FinOps Open Cost and Usage Specification 1.2 (focus.finops.org).

Its mandatory columns and the conditional ones that an invoice knows; columns of our own begin with `x_`. One
row for each line, for each tax that was charged and for each credit that paid, so that the `BilledCost` of an
invoice adds up to what is due. Taxes contained in prices are taken out of their lines.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tieout.invoice.contained import shared
from tieout.kernel.money import Currency, Money, currency

Members = dict[str, Any]  # an object of a sealed document

COLUMNS = (
    *("BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency"),
    *("BillingPeriodEnd", "BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargeDescription"),
    *("ChargeFrequency", "ChargePeriodEnd", "ChargePeriodStart", "ConsumedQuantity", "ConsumedUnit"),
    *("ContractedCost", "EffectiveCost", "InvoiceId", "InvoiceIssuerName", "ListCost", "PricingCategory"),
    *("PricingQuantity", "PricingUnit", "ProviderName", "PublisherName", "ServiceCategory", "ServiceName"),
    *("SkuId", "SkuPriceId", "SubAccountId", "x_InvoiceKind", "x_LineId", "x_Meter"),
)
TEXTS = frozenset(COLUMNS) - {
    *("BilledCost", "ConsumedQuantity", "ContractedCost", "EffectiveCost", "ListCost", "PricingQuantity")
}
"""Columns of text: what stands in them is never a number, nor may it be taken for a formula."""

USAGE, PURCHASE, TAX, CREDIT, ADJUSTMENT = "Usage", "Purchase", "Tax", "Credit", "Adjustment"
BY_ROLE = {
    "drawdown": CREDIT,
    "rolled-over": CREDIT,
    "overage": USAGE,
    "cap": ADJUSTMENT,
}
"""Lines of a commitment that are no purchase: usage that was paid before, or costs another price."""

Row = dict[str, str]


def focus_rows(document: bytes) -> Iterator[Row]:
    """Every column of every row. Raises `ValueError` or `KeyError` where it is no document of ours."""
    invoice: Members = json.loads(document)
    unit = currency(invoice["currency"])
    contained = _contained(invoice, unit)
    shared_by_all = _invoice_columns(invoice)
    for line in invoice["lines"]:
        tax = contained.get(line["id"], 0)
        billed = _minor(line.get("amount_after_discounts", line["amount"]), unit) - tax
        listed = _minor(line["amount"], unit) - tax
        yield {**shared_by_all, **_costs(billed, listed, unit), **_line_columns(line)}
    for tax_row in invoice.get("taxes", ()):
        minor = _minor(tax_row["amount"], unit)
        if minor:
            said = _other(TAX, tax_row["name"])
            yield {**shared_by_all, **_costs(minor, minor, unit), **said}
    for credit in invoice.get("credits", ()):
        minor = -_minor(credit["amount"], unit)
        yield {**shared_by_all, **_costs(minor, minor, unit), **_other(CREDIT, credit["text"])}


def _invoice_columns(invoice: Members) -> Row:
    seller = invoice["seller"]["name"]
    period = invoice["period"]
    return {
        **dict.fromkeys(COLUMNS, ""),
        "BillingAccountId": invoice["customer"]["id"],
        "BillingAccountName": invoice["customer"]["name"],
        "BillingCurrency": invoice["currency"],
        "BillingPeriodStart": period["start"],
        "BillingPeriodEnd": period["end"],
        "ChargePeriodStart": period["start"],
        "ChargePeriodEnd": period["end"],
        "InvoiceId": invoice["number"],
        "InvoiceIssuerName": seller,
        "ProviderName": seller,
        "PublisherName": seller,
        "ServiceCategory": "Other",
        "ServiceName": seller,
        "x_InvoiceKind": invoice["kind"],
    }


def _line_columns(line: Members) -> Row:
    category = _category(line)
    usage = category == USAGE
    return {
        "ChargeCategory": category,
        "ChargeClass": "Correction" if "correction" in line else "",
        "ChargeDescription": line["description"],
        "ChargeFrequency": "Usage-Based" if usage else "Recurring",
        "ChargePeriodStart": line["segment"]["start"],
        "ChargePeriodEnd": line["segment"]["end"],
        "ConsumedQuantity": line["quantity"] if usage else "",
        "ConsumedUnit": line["unit"] if usage else "",
        "PricingCategory": "Standard",
        "PricingQuantity": line["quantity"],
        "PricingUnit": line["unit"],
        "ServiceName": line["plan"],
        "SkuId": line["price"],
        "SkuPriceId": f"{line['price']} v{line['price_version']}",
        "SubAccountId": line["subscription"],
        "x_LineId": line["id"],
        "x_Meter": line["meter"] or "",
    }


def _category(line: Members) -> str:
    head, _, role = line["price"].rpartition("/")
    if head.startswith("commitment/"):
        return BY_ROLE.get(role, PURCHASE)
    if head == "credit":
        return CREDIT
    return PURCHASE if line["meter"] is None else USAGE


def _other(category: str, text: str) -> Row:
    return {"ChargeCategory": category, "ChargeDescription": text, "ChargeFrequency": "One-Time"}


def _costs(billed: int, listed: int, unit: Currency) -> Row:
    paid, before = Money(billed, unit).decimal_text, Money(listed, unit).decimal_text
    return {"BilledCost": paid, "EffectiveCost": paid, "ContractedCost": before, "ListCost": before}


def _contained(invoice: Members, unit: Currency) -> dict[str, int]:
    """Minor units of inclusive tax in each line, as the ledger has them."""
    net = {
        line["id"]: _minor(line.get("amount_after_discounts", line["amount"]), unit)
        for line in invoice["lines"]
    }
    found: dict[str, int] = {}
    for tax in invoice.get("taxes", ()):
        minor = _minor(tax["amount"], unit)
        if tax["inclusive"] and minor:
            shares = shared(minor, [net[line] for line in tax["lines"]])
            for line, share in zip(tax["lines"], shares, strict=True):
                found[line] = found.get(line, 0) + share
    return found


def _minor(text: str, unit: Currency) -> int:
    return Money.read(text, unit).minor
