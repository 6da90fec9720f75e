"""The invoice as one canonical JSON document: the bytes that are sealed, stored, digested and shown.

Keys are sorted, decimals are strings, instants RFC 3339 in UTC: equal invoices give equal bytes anywhere.
"""

from __future__ import annotations

from tieout.aggregate.snapshot import Snapshot
from tieout.contract.party import Customer, Seller
from tieout.invoice.invoice import Invoice, PolicyReference
from tieout.invoice.line import Line
from tieout.kernel.canonical import JsonNumber, JsonValue, canonical_json
from tieout.kernel.instant import format_instant
from tieout.kernel.period import Period
from tieout.kernel.rational import exact_text
from tieout.rate.agreement import agreement_json
from tieout.rate.charge import steps_json

DOCUMENT_FORMAT = "tieout/invoice/1"


def document_bytes(invoice: Invoice) -> bytes:
    """The document in UTF-8, without a final newline."""
    return canonical_json(document(invoice)).encode()


def document(invoice: Invoice) -> JsonValue:
    """The document as a JSON value. Whole numbers are JSON numbers; what can have a fraction is a string."""
    return {
        "format": DOCUMENT_FORMAT,
        "id": invoice.id,
        "number": invoice.number,
        "status": invoice.status.value,
        "kind": invoice.key.kind,
        "series": invoice.key.series,
        "sequence": _whole(invoice.key.sequence),
        "currency": invoice.currency.code,
        "customer": _customer(invoice.customer),
        "seller": _seller(invoice.seller),
        "period": {**_period(invoice.period), "zone": invoice.customer.zone},
        "issued_at": None if invoice.issued_at is None else format_instant(invoice.issued_at),
        "due_date": None if invoice.due_date is None else invoice.due_date.isoformat(),
        "purchase_order": invoice.customer.purchase_order,
        "terms": _terms(invoice.customer.terms_days),
        "lines": [_line(line, invoice.period) for line in invoice.lines],
        "subtotal": invoice.subtotal.decimal_text,
        "total": invoice.total.decimal_text,
        "cutoff": _whole(invoice.cutoff),
        "policy": _policy(invoice.policy),
        "tzdata_version": invoice.tzdata_version,
        "software_version": invoice.software_version,
    }


def _line(line: Line, period: Period) -> JsonValue:
    """A share of a longer period of the calendar than the invoice bills says of which; a part of the usage of
    its meter, which part; what the subscription agreed beside the price, what."""
    charge = line.charge
    share = {} if charge.period == period else {"share_of": _period(charge.period)}
    group: dict[str, JsonValue] = (
        {"group": [[name, value] for name, value in charge.group]} if charge.group else {}
    )
    return {
        **share,
        **group,
        **({"agreement": agreed} if (agreed := agreement_json(charge.agreement)) else {}),
        "id": line.id,
        "description": line.description,
        "subscription": charge.subscription,
        "meter": line.meter,
        "quantity": str(line.quantity),
        "unit": line.unit,
        "amount": line.amount.decimal_text,
        "exact_amount": exact_text(charge.amount),
        "rounding": charge.price.rounding.value,
        "price": line.price,
        "price_version": _whole(line.price_version),
        "price_digest": charge.price.digest,
        "price_effective_from": format_instant(charge.effective_from),
        "plan": charge.plan,
        "plan_version": _whole(charge.plan_version),
        "segment": _period(charge.segment),
        "steps": steps_json(charge.steps),
        "snapshot": None if charge.snapshot is None else _snapshot(charge.snapshot),
    }


def _snapshot(snapshot: Snapshot) -> JsonValue:
    return {
        "meter": snapshot.meter,
        "meter_version": _whole(snapshot.meter_version),
        "meter_digest": snapshot.meter_digest,
        "period": _period(snapshot.period),
        "watermark": _whole(snapshot.watermark),
        "quantity": str(snapshot.quantity),
        "event_count": _whole(snapshot.event_count),
        "excluded_count": _whole(snapshot.excluded_count),
        "retracted_count": _whole(snapshot.retracted_count),
        "fingerprint": str(snapshot.fingerprint),
    }


def _customer(customer: Customer) -> JsonValue:
    return {
        "id": customer.key,
        "version": _whole(customer.version),
        "digest": customer.digest,
        "name": customer.name,
        "address": list(customer.address),
        "tax_id": customer.tax_id,
        "email": customer.email,
    }


def _seller(seller: Seller) -> JsonValue:
    return {
        "key": seller.key,
        "version": _whole(seller.version),
        "digest": seller.digest,
        "name": seller.name,
        "address": list(seller.address),
        "tax_id": seller.tax_id,
        "email": seller.email,
    }


def _policy(policy: PolicyReference) -> JsonValue:
    return {
        "key": policy.key,
        "version": _whole(policy.version),
        "digest": policy.digest,
        "signatures": [{"role": role, "key_id": key_id} for role, key_id in policy.signatures],
        "small_team_exception": policy.small_team_exception,
    }


def _period(period: Period) -> dict[str, JsonValue]:
    return {"start": format_instant(period.start), "end": format_instant(period.end)}


def _terms(days: int) -> JsonValue:
    return {"days": _whole(days), "text": "due on receipt" if days == 0 else f"net {days} days"}


def _whole(number: int) -> JsonNumber:
    return JsonNumber(str(number))
