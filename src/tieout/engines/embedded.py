"""The port `UsageEngine` in this process: DuckDB measures, numpy recounts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from tieout.aggregate.accumulation import Accumulation
from tieout.aggregate.bucket import BucketCounts, BucketRequest, UnbilledUsage
from tieout.aggregate.late import CutoffStep, LateStretch
from tieout.aggregate.recount import Recount
from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.window import UsageRequest
from tieout.engines import (
    duckdb_accumulations,
    duckdb_buckets,
    duckdb_dispositions,
    duckdb_late,
    duckdb_sequences,
    duckdb_source_totals,
    recount,
)
from tieout.engines.damage import damage_named
from tieout.engines.duckdb_engine import DuckEngine
from tieout.engines.lineage_count import ColumnCount
from tieout.engines.packed_events import EventPacker
from tieout.ingest.control_total import Accepted, ControlTotal
from tieout.ingest.sequence import SequenceRuns
from tieout.kernel.ids import Subject
from tieout.kernel.instant import Instant
from tieout.kernel.quantity import Unmeasurable
from tieout.ports import LogManifest
from tieout.ports.dispositions import DispositionDifference, Dispositions
from tieout.ports.lineage import LineageQuestion, LineageRows
from tieout.ports.packed_events import PackQuestion


class EmbeddedEngine:
    """Holds no state. `threads` None leaves their number to DuckDB."""

    def __init__(self, *, threads: int | None = None) -> None:
        self._threads = threads
        self._duck = DuckEngine(threads=threads)

    def measure_each(
        self, requests: Sequence[UsageRequest], manifest: LogManifest
    ) -> list[Snapshot | Unmeasurable]:
        with damage_named(manifest):
            return self._duck.measure_each(requests, manifest)

    def accumulate_each(self, requests: Sequence[UsageRequest], manifest: LogManifest) -> list[Accumulation]:
        with damage_named(manifest):
            return duckdb_accumulations.accumulate_each(requests, manifest, threads=self._threads)

    def bucket_counts(self, requests: Sequence[BucketRequest], manifest: LogManifest) -> list[BucketCounts]:
        with damage_named(manifest):
            return duckdb_buckets.bucket_counts(requests, manifest, threads=self._threads)

    def unbilled_usage(
        self, requests: Sequence[BucketRequest], manifest: LogManifest
    ) -> list[list[UnbilledUsage]]:
        with damage_named(manifest):
            return duckdb_buckets.unbilled_usage(requests, manifest, threads=self._threads)

    def late_stretches(
        self,
        steps: Sequence[CutoffStep],
        manifest: LogManifest,
        *,
        subjects: Collection[Subject] | None = None,
    ) -> list[LateStretch]:
        with damage_named(manifest):
            return duckdb_late.late_stretches(steps, manifest, subjects=subjects, threads=self._threads)

    def recount(self, requests: Sequence[UsageRequest], manifest: LogManifest) -> list[Recount]:
        with damage_named(manifest):
            return recount.recount(requests, manifest)

    def lineage_count(self, asked: LineageQuestion, rows: LineageRows) -> ColumnCount:
        return ColumnCount(asked, rows.watermark, rows.retracted)

    def event_packing(self, asked: PackQuestion, rows: LineageRows) -> EventPacker:
        return EventPacker(asked, rows.watermark, rows.retracted)

    def sequence_runs(self, manifest: LogManifest, *, source: str | None) -> tuple[SequenceRuns, ...]:
        with damage_named(manifest):
            return duckdb_sequences.sequence_runs(manifest, source, threads=self._threads)

    def source_totals(self, stated: Sequence[ControlTotal], manifest: LogManifest) -> list[Accepted]:
        with damage_named(manifest):
            return duckdb_source_totals.source_totals(stated, manifest, threads=self._threads)

    def differing_dispositions(
        self, told: Dispositions, manifest: LogManifest
    ) -> list[DispositionDifference]:
        with damage_named(manifest):
            return duckdb_dispositions.differing_dispositions(manifest, told, threads=self._threads)

    def times_of_numbers(
        self, manifest: LogManifest, *, source: str, numbers: Sequence[int]
    ) -> Mapping[int, tuple[Instant, Instant]]:
        with damage_named(manifest):
            return duckdb_sequences.times_of_numbers(manifest, source, numbers, threads=self._threads)
