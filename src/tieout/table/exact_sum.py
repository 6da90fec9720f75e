"""Exact sums of numeric columns. Arrow's own addition wraps and its decimals overflow; these cannot."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from tieout.kernel.quantity import ATOMS_PER_UNIT
from tieout.table.layout import DECIMAL_TYPE

_ROWS_AT_ONCE: Final = 2**20
"""So many 32-bit limbs add up in 64 bits whatever their values."""
_LIMB_BITS: Final = 32
_LIMB_MASK: Final = 2**_LIMB_BITS - 1


def exact_sum(column: pa.ChunkedArray) -> int:
    """The sum in atoms (10^-12 units) of an int64 or decimal128(30, 12) column; nulls add nothing."""
    return sum(
        _sum_of(chunk.slice(start, _ROWS_AT_ONCE))
        for chunk in column.chunks
        for start in range(0, len(chunk), _ROWS_AT_ONCE)
    )


def _sum_of(array: pa.Array) -> int:
    if array.null_count:
        array = array.drop_null()
    if not len(array):
        return 0
    if pa.types.is_int64(array.type):
        whole = array.to_numpy(zero_copy_only=False)
        lower, upper = int((whole & _LIMB_MASK).sum()), int((whole >> _LIMB_BITS).sum())
        return (lower + (upper << _LIMB_BITS)) * ATOMS_PER_UNIT
    assert array.type == DECIMAL_TYPE, array.type
    words = np.frombuffer(array.buffers()[1], dtype="<u8").reshape(-1, 2)
    words = words[array.offset : array.offset + len(array)]
    low, high = words[:, 0], words[:, 1].astype(np.int64)
    least = int((low & np.uint64(_LIMB_MASK)).sum())
    middle = int((low >> np.uint64(_LIMB_BITS)).sum())
    most = int((high & _LIMB_MASK).sum()) + (int((high >> _LIMB_BITS).sum()) << _LIMB_BITS)
    return least + (middle << _LIMB_BITS) + (most << 2 * _LIMB_BITS)
