"""Usage computed at scale."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from tieout.aggregate.accumulation import Accumulation
from tieout.aggregate.bucket import BucketCounts, BucketRequest, UnbilledUsage
from tieout.aggregate.late import CutoffStep, LateStretch
from tieout.aggregate.recount import Recount
from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.window import UsageRequest
from tieout.ingest.control_total import Accepted, ControlTotal
from tieout.ingest.sequence import SequenceRuns
from tieout.kernel.ids import Subject
from tieout.kernel.instant import Instant
from tieout.kernel.quantity import Unmeasurable
from tieout.ports.dispositions import DispositionDifference, Dispositions
from tieout.ports.events import LogManifest
from tieout.ports.lineage import LineageCount, LineageQuestion, LineageRows
from tieout.ports.packed_events import EventPacking, PackQuestion


class UsageEngine(Protocol):
    """Computes snapshots at scale; equal digit for digit to `aggregate.measure`."""

    def measure_each(
        self, requests: Sequence[UsageRequest], manifest: LogManifest
    ) -> list[Snapshot | Unmeasurable]:
        """One answer per request, in their order: a snapshot, or the refusal that parks its account
        alone.
        """
        ...

    def accumulate_each(self, requests: Sequence[UsageRequest], manifest: LogManifest) -> list[Accumulation]:
        """What the snapshots of the same requests are made of; one per request, in their order."""
        ...

    def bucket_counts(self, requests: Sequence[BucketRequest], manifest: LogManifest) -> list[BucketCounts]:
        """Where every accepted event of each meter's type went, as of the manifest's watermark."""
        ...

    def unbilled_usage(
        self, requests: Sequence[BucketRequest], manifest: LogManifest
    ) -> list[list[UnbilledUsage]]:
        """Whose the unmatched and the unpriced events of each request are; their owned spans may not
        overlap."""
        ...

    def late_stretches(
        self,
        steps: Sequence[CutoffStep],
        manifest: LogManifest,
        *,
        subjects: Collection[Subject] | None = None,
    ) -> list[LateStretch]:
        """Events behind a step's cutoff and before its instant, of all subjects or of these, by subject and
        step. Parts of the log that hold none are not read."""
        ...

    def recount(self, requests: Sequence[UsageRequest], manifest: LogManifest) -> list[Recount]:
        """The same usage by code that shares nothing with `measure_each`; one per request, in their order."""
        ...

    def lineage_count(self, asked: LineageQuestion, rows: LineageRows) -> LineageCount:
        """A count of what `rows` holds, which is handed to it table by table; equal digit for digit to
        `aggregate.measure`.
        """
        ...

    def event_packing(self, asked: PackQuestion, rows: LineageRows) -> EventPacking:
        """The events of `rows` as files, which are handed to it table by table."""
        ...

    def sequence_runs(self, manifest: LogManifest, *, source: str | None) -> tuple[SequenceRuns, ...]:
        """The numbers of every source whose accepted events carry a `sequence`, or of one; by name."""
        ...

    def source_totals(self, stated: Sequence[ControlTotal], manifest: LogManifest) -> list[Accepted]:
        """What was accepted in each statement's window, by event time; one answer each, in their order."""
        ...

    def differing_dispositions(
        self, told: Dispositions, manifest: LogManifest
    ) -> list[DispositionDifference]:
        """Where what commits counted is not what is stored, by batch; none where every batch ties."""
        ...

    def times_of_numbers(
        self, manifest: LogManifest, *, source: str, numbers: Sequence[int]
    ) -> Mapping[int, tuple[Instant, Instant]]:
        """The first and last event time of the source's events with each of these `sequence` numbers."""
        ...
