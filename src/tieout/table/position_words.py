"""A position as one 64-bit word, batch above row: arrays of positions compare and sort as numbers."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from tieout.kernel.ids import Position

ROW_BITS: Final = 32
ROW_MASK: Final = (1 << ROW_BITS) - 1


def position_words(
    batch: int | npt.NDArray[np.integer], rows: npt.NDArray[np.integer]
) -> npt.NDArray[np.uint64]:
    """The words of `rows` (n,), of one batch or of a batch each (n,)."""
    return (np.asarray(batch).astype(np.uint64) << np.uint64(ROW_BITS)) | rows.astype(np.uint64)


def position_of(word: int) -> Position:
    return Position(word >> ROW_BITS, word & ROW_MASK)
