"""Late events: accepted after an invoice's cutoff, with a time inside its sealed period; and late
retractions of events that it counts. Visible until they are adjusted.

A batch range tells them: only what came after the cutoff is read again, so looking for none costs next to
nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.window import UsageRequest
from tieout.contract.catalog import Catalog
from tieout.contract.meter import Aggregation
from tieout.evidence.lineage import parse_lineage
from tieout.evidence.stored import StoredInvoice, StoredSnapshot
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.home import Home
from tieout.flows.late_retractions import late_retractions
from tieout.flows.read_log import read_log
from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.ids import CustomerId, InvoiceId, MeterKey, Watermark
from tieout.kernel.period import Period
from tieout.kernel.quantity import Quantity, Unmeasurable
from tieout.ports import LogManifest, UsageEngine


class MeterVersionMissing(IntegrityViolation):
    """A snapshot names a meter version that the catalog does not have."""

    code = "meter-version-missing"

    def __init__(self, snapshot: StoredSnapshot) -> None:
        super().__init__(
            f"Snapshot {snapshot.id} was taken with meter {snapshot.meter} version {snapshot.meter_version}, "
            "which the catalog does not have."
        )


@dataclass(frozen=True, slots=True)
class LateRow:
    """What came too late for one sealed snapshot; `quantity` is by how much its usage would change.

    `event_count` events arrived after the cutoff and count now; `retracted_count` events that it counts were
    retracted after the cutoff.
    """

    invoice: InvoiceId
    customer: CustomerId
    meter: MeterKey
    period: Period
    event_count: int
    retracted_count: int
    quantity: Quantity


def late_rows(
    home: Home, catalog: Catalog, manifest: LogManifest, customer: CustomerId | None
) -> list[LateRow]:
    """What is late for sealed snapshots (of one customer, or of all), as of the manifest's watermark."""
    return _late(home, catalog, manifest, home.books.invoices.snapshots(customer))


def late_for_invoice(home: Home, invoice: StoredInvoice) -> list[LateRow]:
    """What came too late for one sealed invoice, as the log is now."""
    snapshots = home.books.invoices.snapshots(invoice.customer)
    mine = [stored for stored in snapshots if stored.invoice == invoice.id]
    catalog = load_catalog(home)
    return read_log(home, lambda manifest: _late(home, catalog, manifest, mine))


def _late(
    home: Home, catalog: Catalog, manifest: LogManifest, snapshots: Iterable[StoredSnapshot]
) -> list[LateRow]:
    open_to_more = [stored for stored in snapshots if stored.watermark < manifest.watermark]
    gone = Counter(
        found.snapshot.id for found in late_retractions(home, catalog, manifest.watermark, open_to_more)
    )
    by_cutoff: dict[int, list[StoredSnapshot]] = {}
    for stored in open_to_more:
        by_cutoff.setdefault(stored.watermark, []).append(stored)
    rows: list[LateRow] = []
    for cutoff, taken in sorted(by_cutoff.items()):
        rows += _late_after(home.engine, catalog, manifest, Watermark(cutoff), taken, gone)
    return rows


def request_of(catalog: Catalog, stored: StoredSnapshot) -> UsageRequest:
    """The request that the snapshot answered, from its lineage. Raises `MeterVersionMissing` or
    `MalformedLineage`.
    """
    meter = catalog.meters.version(stored.meter, stored.meter_version)
    if meter is None:
        raise MeterVersionMissing(stored)
    spans = parse_lineage(stored.event_type, stored.predicate).spans
    return UsageRequest(meter, stored.subscription, stored.customer, stored.period, spans)


def _late_after(
    engine: UsageEngine,
    catalog: Catalog,
    manifest: LogManifest,
    cutoff: Watermark,
    snapshots: Sequence[StoredSnapshot],
    gone: Mapping[str, int],
) -> list[LateRow]:
    segments = tuple(segment for segment in manifest.segments if segment.last_batch > cutoff)
    recent = replace(manifest, segments=segments)
    requests = [request_of(catalog, stored) for stored in snapshots]
    now = _measured(engine, requests, recent)
    then = _measured(engine, requests, recent.cut_at(cutoff))
    rows = []
    for stored, request, after, before in zip(snapshots, requests, now, then, strict=True):
        count = after.event_count - before.event_count
        retracted = gone.get(stored.id, 0)
        if count == 0 and retracted == 0:
            continue
        if retracted or request.meter.aggregation is Aggregation.LAST:
            # the last of a part is not the last of the whole, and what was retracted lies in no late part
            (whole,) = _measured(engine, [request], manifest)
            quantity = whole.quantity - Quantity.parse(stored.quantity)
        else:
            quantity = after.quantity - before.quantity
        rows.append(
            LateRow(stored.invoice, stored.customer, stored.meter, stored.period, count, retracted, quantity)
        )
    return rows


def _measured(engine: UsageEngine, requests: Sequence[UsageRequest], manifest: LogManifest) -> list[Snapshot]:
    return list(_checked(engine.measure_each(requests, manifest)))


def _checked(answers: Iterable[Snapshot | Unmeasurable]) -> Iterable[Snapshot]:
    for answer in answers:
        if isinstance(answer, Unmeasurable):
            raise answer
        yield answer
