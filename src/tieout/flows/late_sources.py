"""Who sends late: late events and late retractions of one customer, by sealed invoice, meter and source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from tieout.contract.catalog import Catalog
from tieout.evidence.lineage import parse_lineage
from tieout.evidence.stored import StoredSnapshot
from tieout.evidence.witness import Witness, is_counted
from tieout.flows.home import Home
from tieout.flows.late_events import LateRow, request_of
from tieout.flows.late_retractions import LateRetraction, late_retractions
from tieout.ingest.retraction import target_of
from tieout.kernel.ids import CustomerId, InvoiceId, MeterKey, Position, Watermark
from tieout.ports import StoredEvent


@dataclass(frozen=True, slots=True)
class LateSource:
    """How many events and retractions of one source came too late for one meter of a sealed invoice."""

    invoice: InvoiceId
    meter: MeterKey
    source: str
    event_count: int
    retracted_count: int


@dataclass(frozen=True, slots=True)
class LateDetail:
    """A customer's late rows taken apart; each retraction stands once, whatever meters count its target."""

    sources: tuple[LateSource, ...]
    retractions: tuple[LateRetraction, ...]


def late_detail(
    home: Home, catalog: Catalog, watermark: Watermark, customer: CustomerId, late: Sequence[LateRow]
) -> LateDetail:
    """Reads the late events one by one: they are few, or the senders are what has to be looked at."""
    wanted = {(row.invoice, row.meter, row.period) for row in late}
    snapshots = [
        stored
        for stored in home.books.invoices.snapshots(customer)
        if (stored.invoice, stored.meter, stored.period) in wanted
    ]
    gone = late_retractions(home, catalog, watermark, snapshots)
    retracted = Counter(
        (found.snapshot.invoice, found.snapshot.meter, found.target.event.source) for found in gone
    )
    opening = {position for row in late for position in row.opening}
    arrived = Counter(
        (stored.invoice, stored.meter, event.event.source)
        for stored in snapshots
        for event in late_events_of(home, catalog, watermark, stored, opening)
    )
    rows = (
        LateSource(*key, event_count=arrived[key], retracted_count=retracted[key])
        for key in sorted(arrived.keys() | retracted.keys())
    )
    once = {found.retraction.position: found for found in reversed(gone)}
    return LateDetail(tuple(rows), tuple(once[position] for position in sorted(once)))


def late_events_of(
    home: Home, catalog: Catalog, watermark: Watermark, stored: StoredSnapshot, opening: Collection[Position]
) -> Iterator[StoredEvent]:
    """What the snapshot's meter counts now, or opens with, and its cutoff had not seen."""
    lineage = parse_lineage(stored.event_type, stored.predicate)
    request = request_of(catalog, stored)
    found = list(
        home.log.events(
            lineage.windows,
            frozenset({lineage.event_type}),
            watermark=watermark,
            after=Watermark(stored.watermark),
        )
    )
    identities = {(each.event.source, each.event.id) for each in found}
    retractions = home.log.retractions(watermark=watermark, targets=identities) if found else []
    gone = {target_of(each.event) for each in retractions}
    for event in found:
        contract = catalog.contracts.get(event.event.type, event.event.contract_version)
        witness = Witness(event.position, event.event, event.lane_a, event.lane_b, contract)
        inside = lineage.covers(event.event) or event.position in opening
        selected = inside and is_counted(witness, request.meter, request.breakdown.amount_field)
        if selected and (event.event.source, event.event.id) not in gone:
            yield event
