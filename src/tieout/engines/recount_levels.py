"""Time-weighted usage counted a second time: each subject's levels in one sorted run, each span a slice.

Products are Python's own whole numbers, which have no width.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tieout.aggregate.time_weighted import Opening
from tieout.aggregate.window import ClippedSpan
from tieout.engines.recount_columns import value_limbs
from tieout.kernel.ids import Position, Subject
from tieout.kernel.instant import HOUR_MICROSECONDS, Instant
from tieout.kernel.quantity import Quantity

Mask = npt.NDArray[np.bool_]
Whole = npt.NDArray[Any]
"""An array of Python's whole numbers."""


@dataclass(frozen=True, slots=True)
class LevelHours:
    """Unit-hours in atoms, rounded; the sum of the sizes in atoms times microseconds; the opening states."""

    atoms: int
    magnitude: int
    opening: tuple[Opening, ...]


@dataclass(slots=True)
class History:
    """Every level that was stated, subject by subject, in parts as they were read."""

    _codes: dict[str, int] = field(default_factory=dict)
    _parts: list[tuple[npt.NDArray[np.int64], ...]] = field(default_factory=list)
    _levels: list[Whole] = field(default_factory=list)

    def watch(self, spans: Iterable[ClippedSpan]) -> None:
        """Only levels of watched subjects are kept."""
        for span in spans:
            self._codes.setdefault(span.subject, len(self._codes))

    def add(self, table: pa.Table, value: str, kept: Mask) -> None:
        """The rows at `kept`, each of which has a value."""
        encoded = table.column("subject").combine_chunks().dictionary_encode()
        known = [self._codes.get(subject, -1) for subject in encoded.dictionary.to_pylist()]
        code = np.array([*known, -1], dtype=np.int64)[encoded.indices.to_numpy(zero_copy_only=False)]
        rows = np.flatnonzero(kept & (code >= 0))
        if rows.size:
            levels = sum(
                limb[rows].astype(object) * weight for limb, weight in value_limbs(table.column(value))
            )
            time, batch, row = (
                table.column(name).to_numpy()[rows].astype(np.int64) for name in ("time", "batch", "row")
            )
            self._parts.append((code[rows], time, batch, row))
            self._levels.append(np.asarray(levels, dtype=object))

    def sorted(self) -> Runs:
        """All parts as one, ordered by subject, time, batch and row."""
        empty = np.array([], dtype=np.int64)
        columns = [np.concatenate([empty, *(part[place] for part in self._parts)]) for place in range(4)]
        levels = np.concatenate([np.array([], dtype=object), *self._levels])
        code, time, batch, row = columns
        order = np.lexsort((row, batch, time, code))
        return Runs(self._codes, code[order], time[order], batch[order], row[order], levels[order])


@dataclass(frozen=True, slots=True)
class Runs:
    """The sorted history."""

    codes: dict[str, int]
    code: npt.NDArray[np.int64]
    time: npt.NDArray[np.int64]
    batch: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]
    level: Whole

    def level_hours(self, spans: Sequence[ClippedSpan]) -> LevelHours:
        """What the levels come to over the spans of one request."""
        total = magnitude = 0
        openings = []
        for span in sorted(spans, key=lambda span: (span.subject, span.start)):
            code = self.codes[span.subject]
            first, end = (int(np.searchsorted(self.code, edge)) for edge in (code, code + 1))
            times = self.time[first:end]
            inside = first + int(np.searchsorted(times, span.start, side="left"))
            beyond = first + int(np.searchsorted(times, span.end, side="left"))
            begin = inside - 1 if inside > first else inside
            if begin < inside:
                openings.append(self._opening(span, begin))
            edges = np.append(np.maximum(self.time[begin:beyond], span.start), span.end)
            durations = np.diff(edges).astype(object)
            levels = self.level[begin:beyond]
            total += int((levels * durations).sum()) if levels.size else 0
            magnitude += int((abs(levels) * durations).sum()) if levels.size else 0
        return LevelHours(_rounded(total, HOUR_MICROSECONDS), magnitude, tuple(openings))

    def _opening(self, span: ClippedSpan, place: int) -> Opening:
        return Opening(
            Subject(span.subject),
            span.start,
            Quantity.from_atoms(int(self.level[place])),
            Instant(int(self.time[place])),
            Position(int(self.batch[place]), int(self.row[place])),
        )


def _rounded(numerator: int, denominator: int) -> int:
    """The nearest whole number, a half away from zero."""
    size = (2 * abs(numerator) + denominator) // (2 * denominator)
    return -size if numerator < 0 else size
