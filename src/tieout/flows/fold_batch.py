"""One committed batch, folded into requests that stand at the batch before it: for live usage, and for looks
at the rules, which need the figures at the end of every batch.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final

from tieout.aggregate.event import MeterEvent
from tieout.aggregate.standing import Standing
from tieout.contract.catalog import Catalog
from tieout.contract.retraction import RETRACTION_TYPE
from tieout.evidence.witness import Witness, meter_event
from tieout.flows.home import Home
from tieout.ingest.retraction import target_of
from tieout.kernel.ids import Subject, Watermark
from tieout.ports import StoredEvent, UnreadableSegment
from tieout.ports.live import CommittedBatch

ROWS_ONE_BY_ONE: Final = 400
"""Up to so many events of a batch are folded one by one; more are counted by the engine first."""

OfSubjects = Callable[[Collection[Subject]], list[Standing]]
"""Every request that is kept up and has a span of one of these subjects."""


class BatchFold:
    """Knows what is retracted as of the batch before the next one that is folded."""

    def __init__(self, home: Home, watermark: Watermark) -> None:
        self._home = home
        self._retracted = {target_of(each.event) for each in home.log.retractions(watermark=watermark)}

    def fold(self, catalog: Catalog, batch: CommittedBatch, of_subjects: OfSubjects) -> list[Standing]:
        """Those that the batch touched, each once. One that `is_stale` must be counted again, over the whole
        log, before it is read."""
        named = {target_of(each.event) for each in batch.events(only=RETRACTION_TYPE)} - self._retracted
        self._retracted |= named
        about = [each for each in of_subjects(batch.subjects()) if each.request.meter.event in batch.types]
        if batch.rows <= ROWS_ONE_BY_ONE:
            touched = self._one_by_one(catalog, batch, about)
        else:
            touched = self._together(batch, about)
        for stored in self._home.log.accepted(named).values() if named else ():
            if stored.position.batch < batch.number:
                event = _meter_event(catalog, stored)
                touched += [each for each in of_subjects({event.subject}) if each.take_back(event)]
        return list({each.digest: each for each in touched}.values())

    def _one_by_one(
        self, catalog: Catalog, batch: CommittedBatch, about: Iterable[Standing]
    ) -> list[Standing]:
        by_subject: dict[str, list[Standing]] = {}
        for standing in about:
            for subject in {span.subject for span in standing.request.spans}:
                by_subject.setdefault(subject, []).append(standing)
        touched = []
        for stored in batch.events() if by_subject else ():
            if stored.event.subject in by_subject and stored.event.type != RETRACTION_TYPE:
                event = _meter_event(catalog, stored)
                retracted = (event.source, event.id) in self._retracted
                mine = by_subject[event.subject]
                touched += [each for each in mine if each.arrive(event, retracted=retracted)]
        return touched

    def _together(self, batch: CommittedBatch, about: Iterable[Standing]) -> list[Standing]:
        """The same by the engine, over the batch alone."""
        touched = []
        folding = []
        for standing in about:
            if standing.folds and not standing.is_stale:
                folding.append(standing)
            else:
                standing.is_stale = True
                touched.append(standing)
        manifest = batch.manifest(sorted(self._retracted))
        found = self._home.engine.accumulate_each([each.request for each in folding], manifest)
        for standing, more in zip(folding, found, strict=True):
            if not more.is_empty:
                standing.put(more)
                touched.append(standing)
        return touched


def committed(home: Home, after: Watermark, *, rows_max: int) -> Sequence[CommittedBatch]:
    """The batches that follow, up to so many events unless the first alone has more."""
    try:
        return home.log.committed(after, rows_max=rows_max)
    except UnreadableSegment:  # merged away meanwhile; read again
        return home.log.committed(after, rows_max=rows_max)


def _meter_event(catalog: Catalog, stored: StoredEvent) -> MeterEvent:
    contract = catalog.contracts.get(stored.event.type, stored.event.contract_version)
    return meter_event(Witness(stored.position, stored.event, stored.lane_a, stored.lane_b, contract))
