"""Late retractions: they came after the cutoff of a sealed snapshot that counted their target.

The sealed number stays as it is (L12, L13); they are visible, and wait for a correction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tieout.aggregate.snapshot_text import opening_positions, parse_breakdown
from tieout.aggregate.window import ClippedSpan
from tieout.contract.catalog import Catalog
from tieout.evidence.lineage import parse_lineage
from tieout.evidence.stored import StoredSnapshot
from tieout.evidence.witness import Witness, is_counted
from tieout.flows.home import Home
from tieout.ingest.retraction import target_of
from tieout.kernel.ids import EventType, Subject, Watermark
from tieout.ports import StoredEvent

Identity = tuple[str, str]


@dataclass(frozen=True, slots=True)
class LateRetraction:
    """`target` counts in the sealed `snapshot`; `retraction` is the first one that names it."""

    snapshot: StoredSnapshot
    target: StoredEvent
    retraction: StoredEvent


def late_retractions(
    home: Home, catalog: Catalog, watermark: Watermark, snapshots: Sequence[StoredSnapshot]
) -> list[LateRetraction]:
    """Of all these sealed snapshots, as of `watermark`; next to nothing where nothing was retracted since."""
    if not snapshots:
        return []
    earliest = Watermark(min(stored.watermark for stored in snapshots))
    later = home.log.retractions(watermark=watermark, after=earliest)
    if not later:
        return []
    named = {target_of(retraction.event) for retraction in later}
    first: dict[Identity, StoredEvent] = {}
    for retraction in home.log.retractions(watermark=watermark, targets=named):
        first.setdefault(target_of(retraction.event), retraction)
    targets = home.log.accepted(first)
    counting = Counting(catalog, snapshots)
    return [
        LateRetraction(stored, target, first[identity])
        for identity, target in sorted(targets.items())
        for stored in counting.of(target)
        if stored.watermark < first[identity].position.batch
    ]


class Counting:
    """Which of some sealed snapshots count an event."""

    def __init__(self, catalog: Catalog, snapshots: Iterable[StoredSnapshot]) -> None:
        self._catalog = catalog
        self._opened: dict[str, list[StoredSnapshot]] = {}
        self._spans: dict[tuple[EventType, Subject], list[tuple[ClippedSpan, StoredSnapshot]]] = {}
        for stored in snapshots:
            lineage = parse_lineage(stored.event_type, stored.predicate)
            for span in lineage.spans:
                self._spans.setdefault((lineage.event_type, span.subject), []).append((span, stored))
            for position in opening_positions(stored.opening):
                self._opened.setdefault(position, []).append(stored)

    def of(self, event: StoredEvent) -> list[StoredSnapshot]:
        """The snapshots that had seen the event at their watermark and that count it by their meter, or that
        open with a level that it states.
        """
        found = self._spans.get((event.event.type, event.event.subject), ())
        counted = [
            stored
            for span, stored in found
            if span.contains(event.event.time)
            and event.position.batch <= stored.watermark
            and self._selects(stored, event)
        ]
        opened = self._opened.get(str(event.position), ())
        known = {stored.id for stored in counted}
        return counted + [stored for stored in opened if stored.id not in known]

    def _selects(self, stored: StoredSnapshot, event: StoredEvent) -> bool:
        meter = self._catalog.meters.version(stored.meter, stored.meter_version)
        contract = self._catalog.contracts.get(event.event.type, event.event.contract_version)
        witness = Witness(event.position, event.event, event.lane_a, event.lane_b, contract)
        amount_field = parse_breakdown(stored.breakdown).amount_field
        return meter is not None and is_counted(witness, meter, amount_field)
