"""Exact sums over Arrow columns with numpy: each value as 32-bit limbs, so that no 64-bit sum can wrap."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tieout.kernel.quantity import ATOMS_PER_UNIT

LIMB_BITS = 32
LIMB_MASK = 2**LIMB_BITS - 1
Limbs = list[tuple[npt.NDArray[np.int64], int]]
"""Columns of signed limbs, each with its weight in atoms of 10^-12 units; a value is their weighted sum."""


def value_limbs(column: pa.ChunkedArray) -> Limbs:
    """The limbs of an int64 or decimal128(30, 12) column; rows without a value hold any number."""
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], column.type)
    if pa.types.is_int64(array.type):
        whole = array.fill_null(0).to_numpy(zero_copy_only=False)
        return [(whole & LIMB_MASK, ATOMS_PER_UNIT), (whole >> LIMB_BITS, ATOMS_PER_UNIT << LIMB_BITS)]
    assert array.type == pa.decimal128(30, 12), array.type
    words = np.frombuffer(array.buffers()[1], dtype="<u8").reshape(-1, 2)
    words = words[array.offset : array.offset + len(array)]
    low, high = words[:, 0], words[:, 1].astype(np.int64)
    return [
        *lane_limbs(low),
        (high, 1 << 2 * LIMB_BITS),
    ]


def lane_limbs(lane: npt.NDArray[np.uint64]) -> Limbs:
    """The limbs of unsigned 64-bit values; below 2^32 their bits are the same with a sign."""
    low, high = lane & np.uint64(LIMB_MASK), lane >> np.uint64(LIMB_BITS)
    return [(low.view(np.int64), 1), (high.view(np.int64), 1 << LIMB_BITS)]


def magnitudes(limbs: Limbs) -> Limbs:
    """The limbs of the sizes: negative values turned round, limb by limb."""
    sign = np.where(limbs[-1][0] < 0, -1, 1)
    return [(limb * sign, weight) for limb, weight in limbs]


def limb_sums(limbs: Limbs, order: npt.NDArray[np.int64], starts: npt.NDArray[np.intp]) -> list[int]:
    """Exact sums in atoms of the runs of `order` that begin at `starts`; a run has less than 2^26 rows."""
    sums = [0] * len(starts)
    for column, weight in limbs:
        for place, part in enumerate(np.add.reduceat(column[order], starts).tolist()):
            sums[place] += part * weight
    return sums


def extreme_limbs(
    limbs: Limbs, order: npt.NDArray[np.int64], starts: npt.NDArray[np.intp], *, greatest: bool
) -> list[npt.NDArray[np.int64]]:
    """The limbs of the greatest or least value of each of the same runs: the highest limb decides, and of
    those that are equal in it the next one.
    """
    choose = np.maximum if greatest else np.minimum
    bounds = np.iinfo(np.int64)
    beaten = bounds.min if greatest else bounds.max
    sizes = np.diff(starts, append=order.size)
    standing = np.ones(order.size, dtype=np.bool_)
    extremes = []
    for column, _ in reversed(limbs):
        values = np.where(standing, column[order], beaten)
        best = choose.reduceat(values, starts)
        standing &= values == np.repeat(best, sizes)
        extremes.append(best)
    return extremes[::-1]


def text_of(value: str | int | bool | Decimal | None) -> str | None:
    """The canonical text of a stored value, without its tag; decimals carry twelve digits in the column."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return None if value is None else str(value)
