"""Which request an event belongs to, by binary search: spans per subject in layers that never overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tieout.aggregate.window import ClippedSpan
from tieout.engines.recount_columns import Limbs, lane_limbs

Indices = npt.NDArray[np.int64]
Placed = tuple[str, int, int, int]
"""(subject, start, end, place of the request)."""


@dataclass(frozen=True, slots=True)
class Windows:
    """Disjoint spans per subject, sorted by subject and start; `cuts` are all their bounds in order.

    Time becomes the number of cuts at or before it, so that (subject, time) is one whole number to search by.
    """

    subjects: pa.StringArray
    cuts: npt.NDArray[np.int64]
    opens: npt.NDArray[np.int64]
    closes: npt.NDArray[np.int64]
    places: npt.NDArray[np.int64]

    def find(self, subjects: pa.ChunkedArray, times: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """For each event the place of its request, -1 where it has none."""
        known = pc.index_in(subjects.combine_chunks(), value_set=self.subjects)
        code = known.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        at = code * (self.cuts.size + 1) + np.searchsorted(self.cuts, times, side="right")
        span = np.searchsorted(self.opens, at, side="right") - 1
        found = (code >= 0) & (span >= 0) & (at < self.closes[span])
        return np.where(found, self.places[span], -1)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that count, and for whom. `request` is for each row of the table the place of its request or -1,
    `order` the rows that have one, run by run; the run that begins at `starts[n]` is that of `places[n]`.
    """

    request: Indices
    order: Indices
    places: Indices
    starts: npt.NDArray[np.intp]

    @property
    def sizes(self) -> npt.NDArray[np.intp]:
        return np.diff(self.starts, append=self.order.size)


def _rows(request: Indices) -> Rows:
    inside = np.flatnonzero(request >= 0)
    order = inside[np.argsort(request[inside], kind="stable")]
    owner = request[order]
    starts = np.flatnonzero(np.diff(owner, prepend=-1))  # -1 is no place: the first row begins a run
    return Rows(request, order, owner[starts], starts)


class Located:
    """Whose the rows of one table are, looked up once for all meters that share their windows."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self._found: dict[int, Rows] = {}
        self._lanes: tuple[Rows, tuple[Limbs, Limbs]] | None = None

    def rows(self, windows: Windows, kept: npt.NDArray[np.bool_]) -> Rows:
        """The rows of these windows among those that are kept."""
        known = self._found.get(id(windows))
        if known is None:
            known = _rows(windows.find(self._table.column("subject"), self._table.column("time").to_numpy()))
            self._found[id(windows)] = known
        if kept[known.order].all():
            return known
        return _rows(np.where(kept, known.request, -1))

    def lanes(self, rows: Rows) -> tuple[Limbs, Limbs]:
        """Both lanes of the rows, in their order; meters that count the same rows share them."""
        if self._lanes is None or self._lanes[0] is not rows:
            a, b = (self._table.column(name).to_numpy()[rows.order] for name in ("lane_a", "lane_b"))
            self._lanes = rows, (lane_limbs(a), lane_limbs(b))
        return self._lanes[1]


def layers(requests: Sequence[tuple[int, Sequence[ClippedSpan]]]) -> list[Windows]:
    """As many layers as a subject has windows at one time: one, unless subscriptions share a meter."""
    stacked: list[list[Placed]] = []
    free_from: list[dict[str, int]] = []
    spans = sorted((span.subject, span.start, span.end, place) for place, owned in requests for span in owned)
    for span in spans:
        subject, start, end, _ = span
        level = next(
            (n for n, free in enumerate(free_from) if free.get(subject, start) <= start), len(stacked)
        )
        if level == len(stacked):
            stacked.append([])
            free_from.append({})
        stacked[level].append(span)
        free_from[level][subject] = end
    return [_windows(layer) for layer in stacked]


def _windows(spans: Sequence[Placed]) -> Windows:
    subjects = sorted({span[0] for span in spans})
    codes = {subject: code for code, subject in enumerate(subjects)}
    cuts = np.unique(
        np.array([bound for _, start, end, _ in spans for bound in (start, end)], dtype=np.int64)
    )
    width = cuts.size + 1
    base = np.array([codes[span[0]] * width for span in spans], dtype=np.int64)
    starts = np.searchsorted(cuts, np.array([span[1] for span in spans], dtype=np.int64), side="right")
    ends = np.searchsorted(cuts, np.array([span[2] for span in spans], dtype=np.int64), side="right")
    places = np.array([span[3] for span in spans], dtype=np.int64)
    return Windows(pa.array(subjects, pa.string()), cuts, base + starts, base + ends, places)
