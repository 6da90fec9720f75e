"""Late events: accepted after an invoice's cutoff, with a time inside its sealed period; and late
retractions of events that it counts. Visible until they are adjusted.

A batch range tells them: only what came after the cutoff is read again, and of what is sealed only the
places where it may belong, so looking for none costs next to nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.snapshot_text import parse_breakdown
from tieout.aggregate.window import UsageRequest
from tieout.contract.catalog import Catalog
from tieout.contract.meter import Aggregation
from tieout.evidence.lineage import parse_lineage
from tieout.evidence.stored import StoredInvoice, StoredSnapshot
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.home import Home
from tieout.flows.late_places import late_places
from tieout.flows.late_retractions import late_retractions
from tieout.flows.read_log import read_log
from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.ids import CustomerId, InvoiceId, MeterKey, Position, Watermark
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
    retracted after the cutoff. `opening`: those of the late events that lie before the period and state
    a level with which it opens now. `snapshot` is the id of the sealed one.
    """

    invoice: InvoiceId
    customer: CustomerId
    meter: MeterKey
    period: Period
    event_count: int
    retracted_count: int
    quantity: Quantity
    opening: tuple[Position, ...] = ()
    snapshot: str = ""


def late_rows(
    home: Home, catalog: Catalog, manifest: LogManifest, customer: CustomerId | None
) -> list[LateRow]:
    """What is late for sealed snapshots (of one customer, or of all), as of the manifest's watermark."""
    places = late_places(home, catalog, manifest, None if customer is None else (customer,))
    return late_of(home, catalog, manifest, places)


def late_for_invoice(home: Home, invoice: StoredInvoice) -> list[LateRow]:
    """What came too late for one sealed invoice, as the log is now."""
    snapshots = home.books.invoices.snapshots(invoice.customer)
    mine = [stored for stored in snapshots if stored.invoice == invoice.id]
    catalog = load_catalog(home)
    return read_log(home, lambda manifest: late_of(home, catalog, manifest, mine))


def late_of(
    home: Home, catalog: Catalog, manifest: LogManifest, snapshots: Iterable[StoredSnapshot]
) -> list[LateRow]:
    """What is late for these snapshots."""
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
    return UsageRequest(
        meter,
        stored.subscription,
        stored.customer,
        stored.period,
        spans,
        parse_breakdown(stored.breakdown),
    )


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
    counts = [after.event_count - before.event_count for after, before in zip(now, then, strict=True)]
    again = [
        place
        for place, (stored, request) in enumerate(zip(snapshots, requests, strict=True))
        if _needs_the_whole(request.meter.aggregation, counts[place], gone.get(stored.id, 0))
    ]
    whole = dict(zip(again, _measured(engine, [requests[place] for place in again], manifest), strict=True))
    rows = []
    for place, stored in enumerate(snapshots):
        quantity = now[place].quantity - then[place].quantity
        opening: tuple[Position, ...] = ()
        if place in whole:
            quantity = whole[place].quantity - Quantity.parse(stored.quantity)
            opening = _late_opening(requests[place], whole[place], cutoff)
        retracted = gone.get(stored.id, 0)
        if counts[place] or retracted or opening:
            key = (stored.invoice, stored.customer, stored.meter, stored.period)
            rows.append(LateRow(*key, counts[place] + len(opening), retracted, quantity, opening, stored.id))
    return rows


def _needs_the_whole(aggregation: Aggregation, late: int, retracted: int) -> bool:
    """Whether only measuring the whole window again tells the difference: usage that does not add up (the
    last, the greatest) is not told by its late part; what was retracted lies in no late part; and a level
    may be stated by an event long before the period."""
    if aggregation is Aggregation.TIME_WEIGHTED:
        return True
    return retracted > 0 or (late > 0 and not aggregation.additive)


def _late_opening(request: UsageRequest, whole: Snapshot, cutoff: Watermark) -> tuple[Position, ...]:
    """Late events that lie in no span of the request, and state the level at the start of one."""
    outside = [
        each.position
        for each in whole.opening
        if each.position.batch > cutoff
        and not any(span.subject == each.subject and span.contains(each.time) for span in request.spans)
    ]
    return tuple(sorted(set(outside)))


def _measured(engine: UsageEngine, requests: Sequence[UsageRequest], manifest: LogManifest) -> list[Snapshot]:
    return list(_checked(engine.measure_each(requests, manifest)))


def _checked(answers: Iterable[Snapshot | Unmeasurable]) -> Iterable[Snapshot]:
    for answer in answers:
        if isinstance(answer, Unmeasurable):
            raise answer
        yield answer
