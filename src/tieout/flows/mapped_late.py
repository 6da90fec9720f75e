"""Usage of subjects that a customer was given only after its period was sealed: in no invoice, and shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tieout.aggregate.window import ClippedSpan, UsageRequest, clip
from tieout.contract.catalog import Catalog
from tieout.evidence.stored import StoredSnapshot
from tieout.flows.home import Home
from tieout.flows.late_events import request_of
from tieout.flows.late_places import beside
from tieout.flows.sealed_usage import SealedSpans, sealed_spans
from tieout.kernel.ids import CustomerId, InvoiceId, MeterKey
from tieout.kernel.period import Period
from tieout.kernel.quantity import Quantity, Unmeasurable
from tieout.ports import LogManifest


@dataclass(frozen=True, slots=True)
class MappedLateRow:
    """Usage inside a sealed period of spans that the sealed snapshot did not know, and no other one bills."""

    invoice: InvoiceId
    customer: CustomerId
    meter: MeterKey
    period: Period
    subjects: tuple[str, ...]
    event_count: int
    quantity: Quantity


def mapped_late(
    home: Home, catalog: Catalog, manifest: LogManifest, customer: CustomerId
) -> tuple[MappedLateRow, ...]:
    """As of the manifest's watermark; nothing is measured where the catalog's spans are those that were
    sealed.
    """
    snapshots = home.books.invoices.snapshots(customer)
    if not snapshots:
        return ()
    since = min(stored.period.start for stored in snapshots)
    sealed = sealed_spans(beside(home, catalog, (customer,), ending_after=since))
    asked = [
        (stored, request)
        for stored in snapshots
        for request in [_request(catalog, stored, sealed)]
        if request.spans
    ]
    answers = home.engine.measure_each([request for _, request in asked], manifest) if asked else []
    rows = []
    for (stored, request), answer in zip(asked, answers, strict=True):
        if isinstance(answer, Unmeasurable):
            raise answer
        subjects = tuple(sorted({span.subject for span in request.spans}))
        if answer.event_count or answer.quantity:  # a level may hold without an event
            rows.append(
                MappedLateRow(
                    *(stored.invoice, stored.customer, stored.meter, stored.period, subjects),
                    event_count=answer.event_count,
                    quantity=answer.quantity,
                )
            )
    return tuple(rows)


def _request(catalog: Catalog, stored: StoredSnapshot, sealed: SealedSpans) -> UsageRequest:
    """What the snapshot would be asked today, less what it or another one holds."""
    spans = catalog.subjects.of_customer(stored.customer)
    today = clip(spans, stored.customer, stored.period)
    rest = [
        part
        for span in today
        for part in without(span, (held for held, _ in sealed.get((stored.meter, span.subject), ())))
    ]
    return replace(request_of(catalog, stored), spans=tuple(rest))


def without(span: ClippedSpan, held: Iterable[ClippedSpan]) -> Sequence[ClippedSpan]:
    """What of `span` none of `held` (of the same subject) covers, in order."""
    parts: list[ClippedSpan] = []
    start = span.start
    for other in sorted(held, key=lambda other: other.start):
        if start < min(other.start, span.end):
            parts.append(ClippedSpan(span.subject, start, min(other.start, span.end)))
        start = max(start, other.end)
    if start < span.end:
        parts.append(ClippedSpan(span.subject, start, span.end))
    return parts
