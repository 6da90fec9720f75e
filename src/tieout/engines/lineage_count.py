"""The events behind one line, counted column by column as the log hands them out.

The count is the recount's, which knows nothing of the stored answer; content digests are computed anew from
every row and held against its lanes, as `evidence.witness` does for one event.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tieout.aggregate.retraction import Identity
from tieout.aggregate.window import ClippedSpan, UsageRequest
from tieout.contract.event_contract import EventContract
from tieout.contract.meter import Aggregation
from tieout.engines.recount import Counting, kept_rows, matched_rows
from tieout.engines.recount_columns import text_of
from tieout.engines.recount_retracted import TakenBack
from tieout.engines.recount_windows import Located, Windows, layers
from tieout.evidence.counted import Counted, Listed
from tieout.evidence.lineage import Lineage
from tieout.ingest.layout import layout_of_contract
from tieout.kernel.ids import SourceName, Watermark
from tieout.ports.lineage import Doubts, LineageQuestion
from tieout.rate.charge import GroupName
from tieout.table.canonical import content_digests, identity_keys, lanes
from tieout.table.layout import FIELD_PREFIX, event_type_of, layout_of
from tieout.table.position_words import position_of, position_words

Mask = npt.NDArray[np.bool_]


class ColumnCount:
    """`LineageCount` over Arrow tables. `retracted`: `RETRACTED_SCHEMA`."""

    def __init__(self, asked: LineageQuestion, watermark: Watermark, retracted: pa.Table) -> None:
        self._asked = asked
        self._watermark = watermark
        batches = retracted.column("batch").to_numpy()
        self._retracted = retracted.filter(pa.array(batches <= int(watermark)))
        self._inside = layers([(0, asked.lineage.spans)])
        self._covered = layers([(0, windows_of(asked.lineage))]) if asked.lineage.opens else self._inside
        self._counting = None if asked.request is None else Counting.of([asked.request], {})
        self._problem: str | None = None
        self._excluded_count = self._retracted_count = 0
        ends = asked.skipped + asked.page_size
        self._events, self._gone = Lowest(ends), Lowest(ends)

    def add(self, table: pa.Table) -> Doubts:
        there = table.column("batch").to_numpy() <= int(self._watermark)
        table = table.filter(pa.array(there & within(table, self._covered)))
        if not table.num_rows:
            return Doubts()
        words = position_words(table.column("batch").to_numpy(), table.column("row").to_numpy())
        retracted = taken_back_of(table, self._retracted)
        event_type, version = event_type_of(table.schema)
        contract = self._asked.contracts.get(version)
        differing: Mask = np.zeros(table.num_rows, dtype=np.bool_)
        if contract is None:
            fields = [name for name in table.column_names if name.startswith(FIELD_PREFIX)]
            plain = table.drop_columns(fields)
        else:
            plain = table
            differing = _differing(table, contract, self._asked.secret)
        if self._counting is not None and self._asked.request is not None:
            self._problem = self._problem or _no_numbers(self._asked.request, plain.schema)
        self._count(plain, event_type, words, retracted)
        return Doubts(
            tuple(position_of(int(word)) for word in np.sort(words[differing])),
            version if contract is None else None,
            _identities(table, retracted),
        )

    def counted(self) -> Counted:
        asked = self._asked
        recount = None
        if self._counting is not None and self._problem is None:
            (recount,) = self._counting.recounts()
        return Counted(
            recount=recount,
            excluded_count=self._excluded_count,
            retracted_count=self._retracted_count,
            problem=self._problem,
            events=self._events.listed(asked.skipped),
            retracted=self._gone.listed(asked.skipped),
        )

    def _count(
        self, table: pa.Table, event_type: str, words: npt.NDArray[np.uint64], retracted: Mask
    ) -> None:
        inside = within(table, self._inside)
        kept = np.ones(table.num_rows, dtype=np.bool_)
        if self._counting is not None:
            meter, breakdown = self._counting.meter, self._counting.breakdown
            if meter.event != event_type:
                return
            kept = kept_rows(meter, breakdown, table)
            self._excluded_count += int((matched_rows(meter, table) & ~kept & inside & ~retracted).sum())
            self._retracted_count += int((kept & inside & retracted).sum())
            if self._problem is None:
                self._counting.count(table, ~retracted, Located(table))
        shown = kept & inside & _of_group(table, self._asked.group)
        self._events.add(words[shown & ~retracted])
        self._gone.add(words[shown & retracted])


class Lowest:
    """How many positions there were, and the lowest of them: never many more than `wanted` are kept."""

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self._total = 0
        self._words = np.array([], dtype=np.uint64)

    def add(self, words: npt.NDArray[np.uint64]) -> None:
        self._total += words.size
        self._words = np.concatenate([self._words, words])
        if self._words.size > 2 * self._wanted:
            self._words = np.partition(self._words, self._wanted)[: self._wanted]

    def listed(self, skipped: int) -> Listed:
        """Without the first `skipped`."""
        page = np.sort(self._words)[skipped : self._wanted]
        return Listed(self._total, tuple(position_of(int(word)) for word in page))


def taken_back_of(table: pa.Table, retracted: pa.Table) -> Mask:
    """The rows that one of `retracted` (`RETRACTED_SCHEMA`) names."""
    if not retracted.num_rows:
        return np.zeros(table.num_rows, dtype=np.bool_)
    named = pc.is_in(retracted.column("id"), value_set=table.column("id").combine_chunks())
    found: dict[str, set[str]] = {}
    for entry in retracted.filter(named).to_pylist():
        found.setdefault(entry["id"], set()).add(entry["source"])
    return TakenBack({id_: frozenset(sources) for id_, sources in found.items()}).among(table)


def windows_of(lineage: Lineage) -> list[ClippedSpan]:
    return [
        ClippedSpan(subject, period.start, period.end)
        for subject, periods in lineage.windows.items()
        for period in periods
    ]


def within(table: pa.Table, windows: Sequence[Windows]) -> Mask:
    within: Mask = np.zeros(table.num_rows, dtype=np.bool_)
    times = table.column("time").to_numpy()
    for layer in windows:
        within |= layer.find(table.column("subject"), times) >= 0
    return within


def _differing(table: pa.Table, contract: EventContract, secret: bytes) -> Mask:
    """The rows whose content does not give their lanes; all where they lie as the contract does not say."""
    if layout_of(table.schema) != list(layout_of_contract(contract)):
        return np.ones(table.num_rows, dtype=np.bool_)
    table = table.combine_chunks()
    computed = lanes(content_digests(table, identity_keys(table, secret)))
    stored = (table.column(name).to_numpy() for name in ("lane_a", "lane_b"))
    differs: Mask = np.zeros(table.num_rows, dtype=np.bool_)
    for place, column in enumerate(stored):
        differs |= computed[:, place] != column
    return differs


def _no_numbers(request: UsageRequest, schema: pa.Schema) -> str | None:
    """Why the rows cannot be added up, where a field that should be a number is stored as something else."""
    unique = request.meter.aggregation is Aggregation.UNIQUE
    for name in (None if unique else request.meter.field, request.breakdown.amount_field):
        place = -1 if name is None else schema.get_field_index(FIELD_PREFIX + name)
        if place >= 0:
            kind = schema.field(place).type
            if not (pa.types.is_int64(kind) or pa.types.is_decimal(kind)):
                return f"the events' {name} are no numbers"
    return None


def _identities(table: pa.Table, retracted: Mask) -> tuple[Identity, ...]:
    gone = table.select(["source", "id"]).filter(pa.array(retracted)).to_pylist()
    return tuple((SourceName(row["source"]), row["id"]) for row in gone)


def _of_group(table: pa.Table, group: GroupName) -> Mask:
    """The rows whose dimensions have these texts, None where the event lacks the field."""
    among: Mask = np.ones(table.num_rows, dtype=np.bool_)
    for name, wanted in group:
        column = FIELD_PREFIX + name
        if column not in table.column_names:
            among &= wanted is None
            continue
        encoded = table.column(column).combine_chunks().dictionary_encode()
        equal = [text_of(each) == wanted for each in encoded.dictionary.to_pylist()]
        codes = encoded.indices.fill_null(len(equal)).to_numpy(zero_copy_only=False)
        among &= np.array([*equal, wanted is None], dtype=np.bool_)[codes]
    return among
