"""Usage counted a second time, straight from the stored columns, for reconciliation to hold the engine to.

It shares no code with the DuckDB query: conditions are judged by the contract's own rule on each distinct
text, windows are found by binary search, and values are added up as 32-bit limbs, which cannot overflow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from tieout.aggregate.recount import Recount
from tieout.aggregate.window import UsageRequest
from tieout.contract.meter import Aggregation, Meter
from tieout.contract.predicate import Predicate
from tieout.engines.recount_columns import group_sums, limb_sums, text_of, value_limbs
from tieout.engines.recount_retracted import TakenBack, taken_back
from tieout.engines.recount_windows import Windows, layers
from tieout.kernel.digest import LANE_MODULUS, Fingerprint
from tieout.kernel.ids import Position
from tieout.kernel.quantity import Quantity
from tieout.ports import LogManifest
from tieout.table.layout import FIELD_PREFIX
from tieout.table.packed import columns_of, unpacked

Mask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]
Order = tuple[int, Position]


@dataclass(slots=True)
class Tally:
    """What one request has come to so far; `latest` is the (time, position) of the value that Last holds."""

    count: int = 0
    lane_a: int = 0
    lane_b: int = 0
    atoms: int = 0
    latest: Order | None = field(default=None)


def recount(requests: Sequence[UsageRequest], manifest: LogManifest) -> list[Recount]:
    """One recount per request, in their order, as of the manifest's watermark."""
    tallies = [Tally() for _ in requests]
    groups: dict[Meter, list[int]] = {}
    for place, request in enumerate(requests):
        groups.setdefault(request.meter, []).append(place)
    gone = taken_back(manifest)
    for meter, places in groups.items():
        windows = layers([(place, requests[place].spans) for place in places])
        for table in _tables(meter, manifest, gone):
            counts = (table.column("batch").to_numpy() <= int(manifest.watermark)) & ~gone.among(table)
            for layer in windows:
                _count_table(meter, table, layer, counts, tallies)
    return [_recount(request, tally) for request, tally in zip(requests, tallies, strict=True)]


def _recount(request: UsageRequest, tally: Tally) -> Recount:
    counts = request.meter.aggregation is Aggregation.COUNT
    return Recount(
        meter=request.meter.key,
        meter_version=request.meter.version,
        subscription=request.subscription,
        period=request.period,
        quantity=Quantity.of(tally.count) if counts else Quantity.from_atoms(tally.atoms),
        event_count=tally.count,
        fingerprint=Fingerprint(tally.count, tally.lane_a % LANE_MODULUS, tally.lane_b % LANE_MODULUS),
    )


def _tables(meter: Meter, manifest: LogManifest, gone: TakenBack) -> Iterator[pa.Table]:
    """The needed columns of each part of the meter's event type, one file at a time."""
    conditions = [*meter.filter, *(c for exclusion in meter.exclusions for c in exclusion.where)]
    named = {FIELD_PREFIX + name for name in (meter.field, *(c.field for c in conditions)) if name}
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


def _count_table(meter: Meter, table: pa.Table, windows: Windows, counts: Mask, tallies: list[Tally]) -> None:
    """`counts`: the rows that the log counts as of the watermark, whatever the meter says of them."""
    kept = counts & _holds(meter.filter, table)
    for exclusion in meter.exclusions:
        kept &= ~_holds(exclusion.where, table)
    value = None if meter.field is None else FIELD_PREFIX + meter.field
    if value is not None:
        kept &= table.column(value).is_valid().to_numpy() if value in table.column_names else False
    request = np.where(kept, windows.find(table.column("subject"), table.column("time").to_numpy()), -1)
    inside: Indices = np.flatnonzero(request >= 0)
    if inside.size == 0:
        return
    order = inside[np.argsort(request[inside], kind="stable")]
    groups, starts = np.unique(request[order], return_index=True)
    sizes = np.diff([*starts, order.size])
    sums_a = group_sums(table.column("lane_a").to_numpy()[order], starts)
    sums_b = group_sums(table.column("lane_b").to_numpy()[order], starts)
    for place, size, lane_a, lane_b in zip(groups, sizes, sums_a, sums_b, strict=True):
        tally = tallies[place]
        tally.count += int(size)
        tally.lane_a += lane_a
        tally.lane_b += lane_b
    if value is None:
        return
    if meter.aggregation is Aggregation.SUM:
        for place, atoms in zip(
            groups, limb_sums(value_limbs(table.column(value)), order, starts), strict=True
        ):
            tallies[place].atoms += atoms
    else:
        _keep_latest(table, value, request, inside, tallies)


def _keep_latest(
    table: pa.Table, value: str, request: Indices, inside: Indices, tallies: list[Tally]
) -> None:
    time, batch, row = (table.column(name).to_numpy() for name in ("time", "batch", "row"))
    order = inside[np.lexsort((row[inside], batch[inside], time[inside], request[inside]))]
    is_last = np.append(np.diff(request[order]) != 0, True)
    for index in order[is_last]:
        tally = tallies[request[index]]
        found = (int(time[index]), Position(int(batch[index]), int(row[index])))
        if tally.latest is None or tally.latest < found:
            tally.latest = found
            text = text_of(table.column(value)[int(index)].as_py())
            assert text is not None, "a row without a value was kept"
            tally.atoms = Quantity.parse(text).atoms


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
