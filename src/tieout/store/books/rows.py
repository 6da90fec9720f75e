"""Sealed records as rows and back. Each pair of functions mirrors one table."""

from __future__ import annotations

from sqlalchemy import RowMapping

from tieout.evidence.stored import StoredCharge, StoredInvoice, StoredLine, StoredSnapshot
from tieout.kernel.ids import CustomerId, InvoiceId, LineId, MeterKey, PlanKey, PriceKey, SubscriptionId
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period

Row = dict[str, str | int | bytes | None]


def invoice_row(invoice: StoredInvoice, run: int) -> Row:
    return {
        "id": invoice.id,
        "number": invoice.number,
        "customer": invoice.customer,
        "period_start": invoice.period.start,
        "period_end": invoice.period.end,
        "series": invoice.series,
        "currency": invoice.currency,
        "kind": invoice.kind,
        "sequence": invoice.sequence,
        "total_minor": invoice.total_minor,
        "cutoff": invoice.cutoff,
        "policy_digest": invoice.policy_digest,
        "document": invoice.document,
        "sha256": invoice.sha256,
        "sealed_at": invoice.sealed_at,
        "close_run": run,
        "due_minor": invoice.due_minor,
    }


def invoice_of(row: RowMapping) -> StoredInvoice:
    return StoredInvoice(
        id=InvoiceId(row["id"]),
        number=row["number"],
        customer=CustomerId(row["customer"]),
        period=_period(row, "period"),
        series=row["series"],
        currency=row["currency"],
        kind=row["kind"],
        sequence=row["sequence"],
        total_minor=row["total_minor"],
        cutoff=row["cutoff"],
        policy_digest=row["policy_digest"],
        document=_bytes(row["document"]) if "document" in row else b"",
        sha256=row["sha256"],
        sealed_at=Instant(row["sealed_at"]),
        due_minor=row["due_minor"],
    )


def snapshot_row(snapshot: StoredSnapshot) -> Row:
    return {
        "id": snapshot.id,
        "invoice": snapshot.invoice,
        "customer": snapshot.customer,
        "subscription": snapshot.subscription,
        "meter": snapshot.meter,
        "meter_version": snapshot.meter_version,
        "meter_digest": snapshot.meter_digest,
        "unit": snapshot.unit,
        "period_start": snapshot.period.start,
        "period_end": snapshot.period.end,
        "watermark": snapshot.watermark,
        "quantity": snapshot.quantity,
        "event_count": snapshot.event_count,
        "fingerprint": snapshot.fingerprint,
        "excluded_count": snapshot.excluded_count,
        "retracted_count": snapshot.retracted_count,
        "event_type": snapshot.event_type,
        "predicate": snapshot.predicate,
        "breakdown": snapshot.breakdown,
        "groups": snapshot.groups,
        "conversion": snapshot.conversion,
        "opening": snapshot.opening,
    }


def snapshot_of(row: RowMapping) -> StoredSnapshot:
    return StoredSnapshot(
        id=row["id"],
        invoice=InvoiceId(row["invoice"]),
        customer=CustomerId(row["customer"]),
        subscription=SubscriptionId(row["subscription"]),
        meter=MeterKey(row["meter"]),
        meter_version=row["meter_version"],
        meter_digest=row["meter_digest"],
        unit=row["unit"],
        period=_period(row, "period"),
        watermark=row["watermark"],
        quantity=row["quantity"],
        event_count=row["event_count"],
        fingerprint=row["fingerprint"],
        excluded_count=row["excluded_count"],
        retracted_count=row["retracted_count"],
        event_type=row["event_type"],
        predicate=row["predicate"],
        breakdown=row["breakdown"],
        groups=row.get("groups"),
        conversion=row["conversion"],
        opening=row["opening"],
    )


def charge_row(charge: StoredCharge) -> Row:
    return {
        "id": charge.id,
        "invoice": charge.invoice,
        "snapshot": charge.snapshot,
        "subscription": charge.subscription,
        "price": charge.price,
        "price_version": charge.price_version,
        "price_digest": charge.price_digest,
        "plan": charge.plan,
        "plan_version": charge.plan_version,
        "period_start": charge.period.start,
        "period_end": charge.period.end,
        "segment_start": charge.segment.start,
        "segment_end": charge.segment.end,
        "quantity": charge.quantity,
        "unit": charge.unit,
        "amount": charge.amount,
        "steps": charge.steps,
        "program": charge.program,
        "grouped_by": charge.grouped_by,
        "terms": charge.terms,
    }


def charge_of(row: RowMapping) -> StoredCharge:
    return StoredCharge(
        id=row["id"],
        invoice=InvoiceId(row["invoice"]),
        snapshot=row["snapshot"],
        subscription=SubscriptionId(row["subscription"]),
        price=PriceKey(row["price"]),
        price_version=row["price_version"],
        price_digest=row["price_digest"],
        plan=PlanKey(row["plan"]),
        plan_version=row["plan_version"],
        period=_period(row, "period"),
        segment=_period(row, "segment"),
        quantity=row["quantity"],
        unit=row["unit"],
        amount=row["amount"],
        steps=row["steps"],
        program=row["program"],
        grouped_by=row["grouped_by"],
        terms=row["terms"],
    )


def line_row(line: StoredLine) -> Row:
    return {
        "id": line.id,
        "invoice": line.invoice,
        "ordinal": line.ordinal,
        "charge": line.charge,
        "description": line.description,
        "meter": line.meter,
        "quantity": line.quantity,
        "unit": line.unit,
        "amount_minor": line.amount_minor,
        "earlier": line.earlier,
        "correction": line.correction,
    }


def line_of(row: RowMapping) -> StoredLine:
    return StoredLine(
        id=LineId(row["id"]),
        invoice=InvoiceId(row["invoice"]),
        ordinal=row["ordinal"],
        charge=row["charge"],
        description=row["description"],
        meter=None if row["meter"] is None else MeterKey(row["meter"]),
        quantity=row["quantity"],
        unit=row["unit"],
        amount_minor=row["amount_minor"],
        earlier=row["earlier"],
        correction=row["correction"],
    )


def _period(row: RowMapping, name: str) -> Period:
    return Period(Instant(row[f"{name}_start"]), Instant(row[f"{name}_end"]))


def _bytes(stored: bytes | str) -> bytes:
    """What a hand has rewritten in SQLite may have become text; its digest is then for `verify` to judge."""
    return stored.encode() if isinstance(stored, str) else bytes(stored)
