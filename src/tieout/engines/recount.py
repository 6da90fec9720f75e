"""Usage counted a second time, straight from the stored columns, for reconciliation to hold the engine to.

It shares no code with the DuckDB query: conditions are judged by the contract's own rule on each distinct
text, windows are found by binary search, and values are added up as 32-bit limbs, which cannot overflow.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from tieout.aggregate.breakdown import Breakdown, TooManyGroups
from tieout.aggregate.recount import Recount
from tieout.aggregate.window import ClippedSpan, UsageRequest
from tieout.contract.meter import Aggregation, Meter
from tieout.contract.predicate import Predicate
from tieout.engines.recount_columns import text_of
from tieout.engines.recount_groups import count_groups, usage_groups
from tieout.engines.recount_levels import History, LevelHours
from tieout.engines.recount_retracted import TakenBack, taken_back
from tieout.engines.recount_values import Tally, Totals, count_values
from tieout.engines.recount_windows import Located, Rows, Windows, layers
from tieout.kernel import limits, quantity
from tieout.kernel.digest import LANE_MODULUS, Fingerprint
from tieout.kernel.ids import EventType
from tieout.kernel.instant import HOUR_MICROSECONDS
from tieout.kernel.quantity import ATOMS_PER_UNIT, Quantity, QuantityOverflow
from tieout.ports import LogManifest
from tieout.table.layout import FIELD_PREFIX
from tieout.table.packed import columns_of, unpacked

Mask = npt.NDArray[np.bool_]


def recount(requests: Sequence[UsageRequest], manifest: LogManifest) -> list[Recount]:
    """One recount per request, in their order, as of the manifest's watermark. Each part of the log is read
    once for all meters of its event type.
    """
    alike: dict[tuple[Meter, Breakdown], list[int]] = {}
    for place, request in enumerate(requests):
        alike.setdefault((request.meter, request.breakdown), []).append(place)
    gone = taken_back(manifest)
    layered: dict[tuple[tuple[ClippedSpan, ...], ...], list[Windows]] = {}
    counting = [Counting.of([requests[place] for place in places], layered) for places in alike.values()]
    for event in sorted({each.meter.event for each in counting}):
        same = [each for each in counting if each.meter.event == event]
        for table in _tables(event, same, manifest, gone):
            counts = (table.column("batch").to_numpy() <= int(manifest.watermark)) & ~gone.among(table)
            found = Located(table)
            for each in same:
                each.count(table, counts, found)
    answers: dict[int, Recount] = {}
    for places, each in zip(alike.values(), counting, strict=True):
        answers.update(zip(places, each.recounts(), strict=True))
    return [answers[place] for place in range(len(requests))]


@dataclass(frozen=True, slots=True)
class Counting:
    """The requests for one meter and breakdown, and what they have come to so far."""

    requests: Sequence[UsageRequest]
    tallies: list[Tally]
    totals: Totals
    windows: list[Windows]
    history: History

    @classmethod
    def of(
        cls,
        requests: Sequence[UsageRequest],
        layered: dict[tuple[tuple[ClippedSpan, ...], ...], list[Windows]],
    ) -> Counting:
        """`layered`: windows by spans, since the meters of a plan mostly ask for the same ones."""
        spans = tuple(tuple(request.spans) for request in requests)
        if spans not in layered:
            layered[spans] = layers(list(enumerate(spans)))
        history = History()
        if requests[0].meter.aggregation is Aggregation.TIME_WEIGHTED:
            history.watch(span for request in requests for span in request.spans)
        totals = Totals(len(requests), requests[0].meter.aggregation)
        return cls(requests, [Tally() for _ in requests], totals, layered[spans], history)

    @property
    def meter(self) -> Meter:
        return self.requests[0].meter

    @property
    def breakdown(self) -> Breakdown:
        return self.requests[0].breakdown

    def count(self, table: pa.Table, counts: Mask, found: Located) -> None:
        """`counts`: the rows that are there as of the watermark."""
        kept = counts & kept_rows(self.meter, self.breakdown, table)
        for layer in self.windows:
            self._count(table, found, found.rows(layer, kept))
        if self.meter.aggregation is Aggregation.TIME_WEIGHTED and kept.any():
            self.history.add(table, FIELD_PREFIX + str(self.meter.field), kept)

    def _count(self, table: pa.Table, found: Located, rows: Rows) -> None:
        """`rows`: those that the meter counts as of the watermark."""
        if rows.order.size == 0:
            return
        meter, totals = self.meter, self.totals
        totals.counts[rows.places] += rows.sizes
        lanes_a, lanes_b = found.lanes(rows)
        totals.lanes_a.add(lanes_a, rows)
        totals.lanes_b.add(lanes_b, rows)
        if meter.field is not None:
            column = FIELD_PREFIX + meter.field
            count_values(meter.aggregation, table, column, rows, totals, self.tallies)
        if self.breakdown:
            groups = [tally.groups for tally in self.tallies]
            count_groups(meter, self.breakdown, table, rows.request, np.sort(rows.order), groups)

    def recounts(self) -> list[Recount]:
        weighted = self.meter.aggregation is Aggregation.TIME_WEIGHTED
        runs = self.history.sorted()
        counts = self.totals.counts.tolist()
        lanes = zip(counts, self.totals.lanes_a.totals(), self.totals.lanes_b.totals(), strict=True)
        prints = [Fingerprint(count, a % LANE_MODULUS, b % LANE_MODULUS) for count, a, b in lanes]
        levels = (runs.level_hours(each.spans) if weighted else _NO_LEVELS for each in self.requests)
        found = zip(self._atoms(), self.totals.sizes.totals(), levels, strict=True)
        usage = [_Usage(*each) for each in found]
        return [_recount(*each) for each in zip(self.requests, self.tallies, prints, usage, strict=True)]

    def _atoms(self) -> list[int]:
        """What each request adds up to, of aggregations that levels over time do not tell."""
        aggregation, totals = self.meter.aggregation, self.totals
        if aggregation is Aggregation.COUNT:
            return [count * ATOMS_PER_UNIT for count in totals.counts.tolist()]
        if aggregation is Aggregation.SUM:
            return totals.atoms.totals()
        if aggregation is Aggregation.AVERAGE:
            sums = zip(totals.atoms.totals(), totals.counts.tolist(), strict=True)
            return [_average(atoms, count) for atoms, count in sums]
        if aggregation in (Aggregation.MAX, Aggregation.MIN):
            return totals.extremes.found()
        if aggregation is Aggregation.UNIQUE:
            return [len(tally.texts) * ATOMS_PER_UNIT for tally in self.tallies]
        return [tally.atoms for tally in self.tallies]


@dataclass(frozen=True, slots=True)
class _Usage:
    """`atoms` and the sum of their sizes, or levels over time."""

    atoms: int
    size: int
    levels: LevelHours


_NO_LEVELS = LevelHours(0, 0, ())


def _average(atoms: int, count: int) -> int:
    """The nearest whole number of atoms, a half away from zero; 0 of nothing."""
    if not count:
        return 0
    size = (2 * abs(atoms) + count) // (2 * count)
    return size if atoms >= 0 else -size


def _recount(request: UsageRequest, tally: Tally, fingerprint: Fingerprint, usage: _Usage) -> Recount:
    weighted = request.meter.aggregation is Aggregation.TIME_WEIGHTED
    groups = usage_groups(tally.groups, request.breakdown) if request.breakdown else ()
    refusal = None
    bound = quantity.QUANTITY_TOTAL_MAX * ATOMS_PER_UNIT
    if (
        max(usage.size, tally.groups.amount_magnitude) >= bound
        or usage.levels.magnitude >= bound * HOUR_MICROSECONDS
    ):
        refusal = QuantityOverflow.code
    elif len(groups) > limits.GROUPS_PER_SNAPSHOT_MAX:
        refusal = TooManyGroups.code
    return Recount(
        meter=request.meter.key,
        meter_version=request.meter.version,
        subscription=request.subscription,
        period=request.period,
        quantity=Quantity.from_atoms(usage.levels.atoms if weighted else usage.atoms),
        event_count=fingerprint.count,
        fingerprint=fingerprint,
        groups=groups if refusal is None else (),
        opening=usage.levels.opening,
        refusal=refusal,
    )


def _tables(
    event: EventType, counting: Sequence[Counting], manifest: LogManifest, gone: TakenBack
) -> Iterator[pa.Table]:
    """The columns that any of the meters needs of each part of the event type, one file at a time."""
    wanted = {"subject", "source", "time", "batch", "row", "lane_a", "lane_b", *gone.columns}
    for each in counting:
        meter = each.meter
        conditions = [*meter.filter, *(c for exclusion in meter.exclusions for c in exclusion.where)]
        wanted |= {FIELD_PREFIX + name for name in _fields(meter, each.breakdown) if name}
        wanted |= {FIELD_PREFIX + condition.field for condition in conditions}
    stored = wanted | set(columns_of(sorted(wanted)))
    paths = [segment.path for segment in manifest.segments if segment.type == event]
    yield from _read_ahead(paths, stored)
    for part in manifest.tail:
        if part.type == event:
            yield part.table.select([name for name in part.table.column_names if name in wanted])


def _read_ahead(paths: Sequence[str], stored: Container[str]) -> Iterator[pa.Table]:
    """The files in order, each read while the one before it is counted: two are in memory at most."""
    if not paths:
        return
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(_read, paths[0], stored)
        for following in paths[1:]:
            table = coming.result()
            coming = pool.submit(_read, following, stored)
            yield table
            del table
        yield coming.result()


def _read(path: str, stored: Container[str]) -> pa.Table:
    file = pq.ParquetFile(path)
    names = [name for name in file.schema_arrow.names if name in stored]
    return unpacked(file.read(columns=names))


def _fields(meter: Meter, breakdown: Breakdown) -> Iterator[str | None]:
    yield meter.field
    yield breakdown.amount_field
    yield from breakdown.dimensions


def matched_rows(meter: Meter, table: pa.Table) -> Mask:
    """The rows that the meter is about."""
    return _holds(meter.filter, table)


def kept_rows(meter: Meter, breakdown: Breakdown, table: pa.Table) -> Mask:
    """The rows that the meter counts, wherever they lie."""
    kept = matched_rows(meter, table)
    for exclusion in meter.exclusions:
        kept &= ~_holds(exclusion.where, table)
    for name in (meter.field, breakdown.amount_field):
        if name is not None:
            column = FIELD_PREFIX + name
            kept &= table.column(column).is_valid().to_numpy() if column in table.column_names else False
    return kept


def _holds(predicate: Predicate, table: pa.Table) -> Mask:
    """Row by row whether every condition holds, each judged once per distinct value."""
    holds: Mask = np.ones(table.num_rows, dtype=np.bool_)
    for condition in predicate:
        envelope = condition.field in ("subject", "source")
        name = condition.field if envelope else FIELD_PREFIX + condition.field
        if name not in table.column_names:
            holds[:] = False
            continue
        encoded = table.column(name).combine_chunks().dictionary_encode()
        judged = [condition.holds(text_of(each)) for each in encoded.dictionary.to_pylist()]
        codes = encoded.indices.fill_null(len(judged)).to_numpy(zero_copy_only=False)
        holds &= np.array([*judged, condition.holds(None)], dtype=np.bool_)[codes]
    return holds
