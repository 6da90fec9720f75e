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
from tieout.engines.recount_columns import group_sums, text_of
from tieout.engines.recount_groups import count_groups, usage_groups
from tieout.engines.recount_levels import History, LevelHours
from tieout.engines.recount_retracted import TakenBack, taken_back
from tieout.engines.recount_values import Tally, count_values
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
        return cls(requests, [Tally() for _ in requests], layered[spans], history)

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
            _count_table(self.meter, self.breakdown, table, found.rows(layer, kept), self.tallies)
        if self.meter.aggregation is Aggregation.TIME_WEIGHTED and kept.any():
            self.history.add(table, FIELD_PREFIX + str(self.meter.field), kept)

    def recounts(self) -> list[Recount]:
        weighted = self.meter.aggregation is Aggregation.TIME_WEIGHTED
        runs = self.history.sorted()
        return [
            _recount(request, tally, runs.level_hours(request.spans) if weighted else LevelHours(0, 0, ()))
            for request, tally in zip(self.requests, self.tallies, strict=True)
        ]


def _recount(request: UsageRequest, tally: Tally, levels: LevelHours) -> Recount:
    groups = usage_groups(tally.groups, request.breakdown) if request.breakdown else ()
    refusal = None
    bound = quantity.QUANTITY_TOTAL_MAX * ATOMS_PER_UNIT
    if (
        max(tally.magnitude, tally.groups.amount_magnitude) >= bound
        or levels.magnitude >= bound * HOUR_MICROSECONDS
    ):
        refusal = QuantityOverflow.code
    elif len(groups) > limits.GROUPS_PER_SNAPSHOT_MAX:
        refusal = TooManyGroups.code
    return Recount(
        meter=request.meter.key,
        meter_version=request.meter.version,
        subscription=request.subscription,
        period=request.period,
        quantity=Quantity.from_atoms(_atoms(request.meter.aggregation, tally, levels)),
        event_count=tally.count,
        fingerprint=Fingerprint(tally.count, tally.lane_a % LANE_MODULUS, tally.lane_b % LANE_MODULUS),
        groups=groups if refusal is None else (),
        opening=levels.opening,
        refusal=refusal,
    )


def _atoms(aggregation: Aggregation, tally: Tally, levels: LevelHours) -> int:
    if aggregation is Aggregation.COUNT:
        return tally.count * ATOMS_PER_UNIT
    if aggregation is Aggregation.UNIQUE:
        return len(tally.texts) * ATOMS_PER_UNIT
    if aggregation is Aggregation.TIME_WEIGHTED:
        return levels.atoms
    if aggregation is Aggregation.AVERAGE and tally.count:
        size = (2 * abs(tally.atoms) + tally.count) // (2 * tally.count)
        return size if tally.atoms >= 0 else -size
    return tally.atoms


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


def _count_table(
    meter: Meter, breakdown: Breakdown, table: pa.Table, rows: Rows, tallies: list[Tally]
) -> None:
    """`rows`: those that the meter counts as of the watermark."""
    if rows.order.size == 0:
        return
    sums_a = group_sums(table.column("lane_a").to_numpy()[rows.order], rows.starts)
    sums_b = group_sums(table.column("lane_b").to_numpy()[rows.order], rows.starts)
    each = zip(rows.places.tolist(), rows.sizes.tolist(), sums_a, sums_b, strict=True)
    for place, size, lane_a, lane_b in each:
        tally = tallies[place]
        tally.count += size
        tally.lane_a += lane_a
        tally.lane_b += lane_b
    if meter.field is not None:
        count_values(meter.aggregation, table, FIELD_PREFIX + meter.field, rows, tallies)
    if breakdown:
        inside = np.sort(rows.order)
        count_groups(meter, breakdown, table, rows.request, inside, [tally.groups for tally in tallies])


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
