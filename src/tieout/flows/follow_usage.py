"""Live usage follows the log: every committed batch is folded into the requests that are kept up, in order.

The log is the only source: what is kept is exact as of its watermark, moves with it in one commit, and is
built again from the log where it is lost. One process of a machine follows at a time, under a lease; whoever
answers only reads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from tieout.aggregate.accumulation import snapshot_of
from tieout.aggregate.event import MeterEvent
from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.standing import Standing
from tieout.contract.catalog import Catalog
from tieout.contract.retraction import RETRACTION_TYPE
from tieout.evidence.witness import Witness, meter_event
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.home import Home
from tieout.flows.read_log import read_log
from tieout.flows.standing_kept import StandingKept
from tieout.flows.standing_plan import StandingPlan
from tieout.ingest.retraction import target_of
from tieout.kernel.errors import TieoutError
from tieout.kernel.ids import CustomerId, MeterKey, Watermark
from tieout.kernel.instant import Instant
from tieout.kernel.quantity import Unmeasurable
from tieout.ports import StoredEvent, UnreadableSegment
from tieout.ports.live import CommittedBatch, DamagedLiveUsage, LiveMark

ROWS_PER_STEP: Final = 65_536
"""Events that one commit of the live usage takes in, unless a single batch has more."""
ROWS_ONE_BY_ONE: Final = 400
"""Up to so many events of a batch are folded one by one; more are counted by the engine first."""
POLL_NANOSECONDS: Final = 15_000_000
STAND_BY_NANOSECONDS: Final = 2_000_000_000


@dataclass(frozen=True, slots=True)
class LiveBatch:
    """What one batch did to the open periods. `touched`: each (customer, meter) once, in the order of their
    names; `snapshots(customer)` are the customer's as of the end of this batch, before any later one.
    """

    number: Watermark
    received_at: Instant
    touched: tuple[tuple[CustomerId, MeterKey], ...]
    snapshots: Callable[[CustomerId], list[Snapshot | Unmeasurable]]


OnBatch = Callable[[LiveBatch], None]


class UsageFollower:
    """Holds what it has read of the kept usage; only the process with the lease may have one.

    `on_batch` hears of every batch in order, before its effects are committed: what it does must be
    repeatable, since after a crash it hears of the same batches again. `since`: where a listener stands, for
    when everything is built anew.
    """

    def __init__(
        self, home: Home, *, on_batch: OnBatch | None = None, since: Watermark | None = None
    ) -> None:
        self._home = home
        self._on_batch = on_batch
        head = home.log.head()
        mark = home.live.mark()
        if mark is None or mark.watermark > head or (since is not None and since < mark.watermark):
            mark = LiveMark(head if since is None else min(since, head), None)
            home.live.begin(mark)
        self._stand_at(mark)

    def _stand_at(self, mark: LiveMark) -> None:
        home = self._home
        self.mark = mark
        self._retracted = {target_of(each.event) for each in home.log.retractions(watermark=mark.watermark)}
        self._kept = StandingKept(home)
        self._plan = StandingPlan(home, self._kept)

    @property
    def is_settled(self) -> bool:
        """Whether everything that was looked for is kept."""
        return self._plan.is_done

    def step(self) -> int:
        """One round: some of the planning, then the batches that wait, up to ROWS_PER_STEP events; returns
        how many batches there were. Where what is kept is damaged, it begins anew at the same watermark.
        """
        try:
            return self._step()
        except DamagedLiveUsage:
            self._home.live.begin(self.mark)
            self._stand_at(self.mark)
            return self._step()

    def _step(self) -> int:
        self._plan.work(self.mark.watermark)
        try:
            batches = self._home.log.committed(self.mark.watermark, rows_max=ROWS_PER_STEP)
        except UnreadableSegment:  # merged away meanwhile; read again
            batches = self._home.log.committed(self.mark.watermark, rows_max=ROWS_PER_STEP)
        if not batches:
            return 0
        catalog = load_catalog(self._home)
        for batch in batches:
            touched = self._fold(catalog, batch)
            if self._on_batch is not None:
                self._recount(batch.number)
                self._on_batch(self._told(batch, touched))
        last = batches[-1]
        self._recount(last.number)
        self.mark = LiveMark(last.number, last.received_at)
        self._kept.commit(self.mark)
        self._plan.again(self._kept.give_up_too_fine())
        return len(batches)

    def _fold(self, catalog: Catalog, batch: CommittedBatch) -> list[Standing]:
        named = {target_of(each.event) for each in batch.events(only=RETRACTION_TYPE)} - self._retracted
        self._retracted |= named
        about = [
            each
            for each in self._kept.of_subjects(catalog, batch.subjects())
            if each.request.meter.event in batch.types
        ]
        if batch.rows <= ROWS_ONE_BY_ONE:
            touched = self._one_by_one(catalog, batch, about)
        else:
            touched = self._together(batch, about)
        for stored in self._home.log.accepted(named).values() if named else ():
            if stored.position.batch < batch.number:
                event = _meter_event(catalog, stored)
                mine = self._kept.of_subjects(catalog, {event.subject})
                touched += [each for each in mine if each.take_back(event)]
        unique = list({each.digest: each for each in touched}.values())
        self._kept.note(unique)
        return unique

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

    def _recount(self, watermark: Watermark) -> None:
        """What could not be folded is counted over the whole log, once for all."""
        stale = self._kept.stale()
        if not stale:
            return
        requests = [each.request for each in stale]
        found = read_log(
            self._home,
            lambda manifest: self._home.engine.accumulate_each(requests, manifest),
            watermark=watermark,
        )
        for standing, one in zip(stale, found, strict=True):
            self._kept.recounted(standing, one)

    def _told(self, batch: CommittedBatch, touched: Iterable[Standing]) -> LiveBatch:
        pairs = sorted({(each.request.customer, each.request.meter.key) for each in touched})

        def snapshots(customer: CustomerId) -> list[Snapshot | Unmeasurable]:
            found: list[Snapshot | Unmeasurable] = []
            for standing in self._kept.of_customer(load_catalog(self._home), customer):
                try:
                    found.append(snapshot_of(standing.request, standing.accumulation, batch.number))
                except Unmeasurable as refusal:
                    found.append(refusal)
            return found

        return LiveBatch(batch.number, batch.received_at, tuple(pairs), snapshots)


def follow_usage(
    home: Home,
    *,
    stop: Callable[[], bool],
    on_batch: OnBatch | None = None,
    told: Callable[[TieoutError], None] | None = None,
) -> None:
    """Follows until `stop` says so. What cannot be done now is told and tried again from the last commit."""
    while not stop():
        with home.live.leading() as ours:
            if ours:
                try:
                    follower = UsageFollower(home, on_batch=on_batch)
                    while not stop():
                        if not follower.step():
                            _wait(POLL_NANOSECONDS, stop)
                except TieoutError as error:
                    if told is not None:
                        told(error)
        _wait(STAND_BY_NANOSECONDS, stop)


def _meter_event(catalog: Catalog, stored: StoredEvent) -> MeterEvent:
    contract = catalog.contracts.get(stored.event.type, stored.event.contract_version)
    return meter_event(Witness(stored.position, stored.event, stored.lane_a, stored.lane_b, contract))


def _wait(nanoseconds: int, stop: Callable[[], bool]) -> None:
    until = time.monotonic_ns() + nanoseconds
    while not stop() and (left := until - time.monotonic_ns()) > 0:
        time.sleep(min(left, 100_000_000) / 1_000_000_000)
