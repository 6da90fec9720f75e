"""What sealing one reconciled draft writes: number, document, digest and every row behind its lines."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.snapshot_text import (
    breakdown_text,
    conversion_text,
    groups_text,
    opening_text,
)
from tieout.aggregate.window import UsageRequest
from tieout.evidence.lineage import lineage_of, predicate_text
from tieout.evidence.stored import SealedRows, StoredCharge, StoredInvoice, StoredLine, StoredSnapshot
from tieout.flows.draft_accounts import ReadyAccount
from tieout.invoice.document import document_bytes
from tieout.invoice.earlier import correction_text, earlier_text
from tieout.invoice.entries import issued
from tieout.invoice.invoice import Invoice
from tieout.invoice.line import Line
from tieout.invoice.number import format_number
from tieout.invoice.offset import offset_of
from tieout.invoice.seal import sealed_invoice
from tieout.kernel.errors import Refusal
from tieout.kernel.ids import InvoiceId
from tieout.kernel.instant import Instant
from tieout.kernel.rational import exact_text
from tieout.ledger.entry import Entry
from tieout.ports import Sealing
from tieout.rate.charge import group_text, steps_text
from tieout.rate.terms import terms_text

MINOR_UNITS_MAX = 2**63 - 1
"""Both databases keep money in 64-bit integers."""


class AmountTooLarge(Refusal):
    """An amount that does not fit the column of money; it is refused, never cut."""

    code = "amount-too-large"

    def __init__(self, invoice: InvoiceId, minor: int) -> None:
        super().__init__(
            f"Invoice {invoice} has an amount of {minor} minor units; at most {MINOR_UNITS_MAX} fit."
        )


def sealing_of(ready: ReadyAccount, *, issued_at: Instant) -> Sealing:
    """What the books ask for when the draft has its number."""

    def issue(ordinal: int) -> SealedRows:
        number = format_number(ready.invoice.number_series, ordinal)
        return sealed_rows(
            ready, sealed_invoice(ready.invoice, number=number, issued_at=issued_at), issued_at
        )

    return Sealing(ready.invoice.id, ready.invoice.number_series, issue)


def sealed_rows(
    ready: ReadyAccount,
    invoice: Invoice,
    sealed_at: Instant,
    *,
    document: bytes | None = None,
    entries: tuple[Entry, ...] | None = None,
) -> SealedRows:
    """Every row of the sealing; with `document` or `entries`, these instead of those of the issued invoice.
    Raises `AmountTooLarge`."""
    _check_amounts(ready, invoice)
    assert invoice.number is not None, "a sealed invoice has a number"
    if document is None:
        document = document_bytes(invoice)
    stored = StoredInvoice(
        id=invoice.id,
        number=invoice.number,
        customer=invoice.key.customer,
        period=invoice.period,
        series=invoice.key.series,
        currency=invoice.key.currency,
        kind=invoice.key.kind,
        sequence=invoice.key.sequence,
        total_minor=invoice.total.minor,
        cutoff=invoice.cutoff,
        policy_digest=invoice.policy.digest,
        document=document,
        sha256=sha256(document).hexdigest(),
        sealed_at=sealed_at,
        due_minor=invoice.due.minor,
    )
    names = {
        snapshot: f"{invoice.id}-s{place:04d}" for place, snapshot in enumerate(ready.snapshots, start=1)
    }
    snapshots = tuple(
        _snapshot(invoice.id, names[snapshot], snapshot, request)
        for snapshot, request in zip(ready.snapshots, ready.requests, strict=True)
    )
    numbered = list(enumerate(invoice.lines, start=1))
    charges = tuple(_charge(invoice.id, ordinal, line, names) for ordinal, line in numbered)
    lines = tuple(_line(invoice.id, ordinal, line) for ordinal, line in numbered)
    movements = tuple(replace(each, recorded_at=sealed_at) for each in ready.movements)
    return SealedRows(
        stored,
        snapshots,
        charges,
        lines,
        movements,
        ready.movements_seen,
        entries=issued(ready.entries, invoice) if entries is None else entries,
        interims_seen=ready.account.interims_seen,
        corrects=ready.account.carried.corrects,
        papers_seen=ready.account.carried.papers_seen,
        reviewed=ready.reviewed,
        offset=offset_of(invoice),
    )


def _check_amounts(ready: ReadyAccount, invoice: Invoice) -> None:
    taxed = (amount for tax in invoice.taxes for amount in (tax.base, tax.amount))
    moved = (movement.amount for movement in ready.movements)
    posted = (posting.amount for entry in ready.entries for posting in entry.postings)
    lines = (line.amount for line in invoice.lines)
    for money in (invoice.total, invoice.due, *taxed, *moved, *posted, *lines):
        if abs(money.minor) > MINOR_UNITS_MAX:
            raise AmountTooLarge(invoice.id, money.minor)


def _snapshot(invoice: InvoiceId, name: str, snapshot: Snapshot, request: UsageRequest) -> StoredSnapshot:
    lineage = lineage_of(request)
    return StoredSnapshot(
        id=name,
        invoice=invoice,
        customer=snapshot.customer,
        subscription=snapshot.subscription,
        meter=snapshot.meter,
        meter_version=snapshot.meter_version,
        meter_digest=snapshot.meter_digest,
        unit=snapshot.unit,
        period=snapshot.period,
        watermark=snapshot.watermark,
        quantity=str(snapshot.quantity),
        event_count=snapshot.event_count,
        fingerprint=str(snapshot.fingerprint),
        excluded_count=snapshot.excluded_count,
        retracted_count=snapshot.retracted_count,
        event_type=lineage.event_type,
        predicate=predicate_text(lineage),
        breakdown=breakdown_text(snapshot.breakdown),
        groups=groups_text(snapshot.groups),
        conversion=conversion_text(snapshot.conversion),
        opening=opening_text(snapshot.opening),
    )


def _charge(invoice: InvoiceId, ordinal: int, line: Line, names: dict[Snapshot, str]) -> StoredCharge:
    charge = line.charge
    return StoredCharge(
        id=_charge_id(invoice, ordinal),
        invoice=invoice,
        snapshot=None if charge.snapshot is None else names[charge.snapshot],
        subscription=charge.subscription,
        price=charge.price.key,
        price_version=charge.price.version,
        price_digest=charge.price.digest,
        plan=charge.plan,
        plan_version=charge.plan_version,
        period=charge.period,
        segment=charge.segment,
        quantity=str(charge.quantity),
        unit=charge.unit,
        amount=exact_text(charge.amount),
        steps=steps_text(charge.steps),
        program=None if charge.program is None else charge.program.reference,
        grouped_by=group_text(charge.group),
        terms=terms_text(charge.terms),
    )


def _line(invoice: InvoiceId, ordinal: int, line: Line) -> StoredLine:
    return StoredLine(
        id=line.id,
        invoice=invoice,
        ordinal=ordinal,
        charge=_charge_id(invoice, ordinal),
        description=line.description,
        meter=line.meter,
        quantity=str(line.quantity),
        unit=line.unit,
        amount_minor=line.amount.minor,
        earlier=earlier_text(line.earlier),
        correction=correction_text(line.correction),
    )


def _charge_id(invoice: InvoiceId, ordinal: int) -> str:
    return f"{invoice}-c{ordinal:03d}"
