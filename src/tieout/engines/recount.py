"""Usage counted a second time, straight from the stored columns, for reconciliation to hold the engine to.

It shares no code with the DuckDB query: conditions are judged by the contract's own rule on each distinct
text, windows are found by binary search, and values are added up as 32-bit limbs, which cannot overflow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from tieout.aggregate.breakdown import Breakdown, TooManyGroups
from tieout.aggregate.recount import Recount
from tieout.aggregate.window import UsageRequest
from tieout.contract.meter import Aggregation, Meter
from tieout.contract.predicate import Predicate
from tieout.engines.recount_columns import group_sums, text_of
from tieout.engines.recount_groups import count_groups, usage_groups
from tieout.engines.recount_levels import History, LevelHours
from tieout.engines.recount_retracted import TakenBack, taken_back
from tieout.engines.recount_values import Tally, count_values
from tieout.engines.recount_windows import Windows, layers
from tieout.kernel import limits, quantity
from tieout.kernel.digest import LANE_MODULUS, Fingerprint
from tieout.kernel.instant import HOUR_MICROSECONDS
from tieout.kernel.quantity import ATOMS_PER_UNIT, Quantity, QuantityOverflow
from tieout.ports import LogManifest
from tieout.table.layout import FIELD_PREFIX
from tieout.table.packed import columns_of, unpacked

Mask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]


def recount(requests: Sequence[UsageRequest], manifest: LogManifest) -> list[Recount]:
    """One recount per request, in their order, as of the manifest's watermark."""
    answers: dict[int, Recount] = {}
    alike: dict[tuple[Meter, Breakdown], list[int]] = {}
    for place, request in enumerate(requests):
        alike.setdefault((request.meter, request.breakdown), []).append(place)
    gone = taken_back(manifest)
    for places in alike.values():
        found = _recount_alike([requests[place] for place in places], manifest, gone)
        answers.update(zip(places, found, strict=True))
    return [answers[place] for place in range(len(requests))]


def _recount_alike(requests: Sequence[UsageRequest], manifest: LogManifest, gone: TakenBack) -> list[Recount]:
    """Recounts of requests for one meter and breakdown."""
    meter, breakdown = requests[0].meter, requests[0].breakdown
    tallies = [Tally() for _ in requests]
    windows = layers([(place, request.spans) for place, request in enumerate(requests)])
    history = History()
    weighted = meter.aggregation is Aggregation.TIME_WEIGHTED
    if weighted:
        history.watch(span for request in requests for span in request.spans)
    for table in _tables(meter, breakdown, manifest, gone):
        counts = (table.column("batch").to_numpy() <= int(manifest.watermark)) & ~gone.among(table)
        kept = counts & _kept(meter, breakdown, table)
        for layer in windows:
            _count_table(meter, breakdown, table, layer, kept, tallies)
        if weighted and kept.any():
            history.add(table, FIELD_PREFIX + str(meter.field), kept)
    runs = history.sorted()
    return [
        _recount(request, tally, runs.level_hours(request.spans) if weighted else LevelHours(0, 0, ()))
        for request, tally in zip(requests, tallies, strict=True)
    ]


def _recount(request: UsageRequest, tally: Tally, levels: LevelHours) -> Recount:
    groups = usage_groups(tally.groups, request.breakdown)
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


def _tables(meter: Meter, breakdown: Breakdown, manifest: LogManifest, gone: TakenBack) -> Iterator[pa.Table]:
    """The needed columns of each part of the meter's event type, one file at a time."""
    conditions = [*meter.filter, *(c for exclusion in meter.exclusions for c in exclusion.where)]
    named = {FIELD_PREFIX + name for name in _fields(meter, breakdown) if name}
    named |= {FIELD_PREFIX + condition.field for condition in conditions}
    wanted = {"subject", "source", "time", "batch", "row", "lane_a", "lane_b", *named, *gone.columns}
    stored = wanted | set(columns_of(sorted(wanted)))
    for segment in manifest.segments:
        if segment.type == meter.event:
            file = pq.ParquetFile(segment.path)
            names = [name for name in file.schema_arrow.names if name in stored]
            yield unpacked(file.read(columns=names))
    for part in manifest.tail:
        if part.type == meter.event:
            yield part.table.select([name for name in part.table.column_names if name in wanted])


def _fields(meter: Meter, breakdown: Breakdown) -> Iterator[str | None]:
    yield meter.field
    yield breakdown.amount_field
    yield from breakdown.dimensions


def _kept(meter: Meter, breakdown: Breakdown, table: pa.Table) -> Mask:
    """The rows that the meter counts, wherever they lie."""
    kept = _holds(meter.filter, table)
    for exclusion in meter.exclusions:
        kept &= ~_holds(exclusion.where, table)
    for name in (meter.field, breakdown.amount_field):
        if name is not None:
            column = FIELD_PREFIX + name
            kept &= table.column(column).is_valid().to_numpy() if column in table.column_names else False
    return kept


def _count_table(
    meter: Meter,
    breakdown: Breakdown,
    table: pa.Table,
    windows: Windows,
    kept: Mask,
    tallies: list[Tally],
) -> None:
    """`kept`: the rows that the meter counts as of the watermark."""
    request = np.where(kept, windows.find(table.column("subject"), table.column("time").to_numpy()), -1)
    inside: Indices = np.flatnonzero(request >= 0)
    if inside.size == 0:
        return
    order = inside[np.argsort(request[inside], kind="stable")]
    places, starts = np.unique(request[order], return_index=True)
    sizes = np.diff([*starts, order.size])
    sums_a = group_sums(table.column("lane_a").to_numpy()[order], starts)
    sums_b = group_sums(table.column("lane_b").to_numpy()[order], starts)
    for place, size, lane_a, lane_b in zip(places, sizes, sums_a, sums_b, strict=True):
        tally = tallies[place]
        tally.count += int(size)
        tally.lane_a += lane_a
        tally.lane_b += lane_b
    if meter.field is not None:
        count_values(meter.aggregation, table, FIELD_PREFIX + meter.field, request, inside, tallies)
    if breakdown:
        count_groups(meter, breakdown, table, request, inside, [tally.groups for tally in tallies])


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
