"""Identities by the number, for the tests of the index: keys, contents, positions, a dictionary of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from tieout.ingest.verdict import Known
from tieout.store.log.encoding import KeyEntries

Key = tuple[int, int]
Held = tuple[int, int, int]
"""(position, first lane, second lane)."""


def entries(keys: Sequence[Key]) -> KeyEntries:
    """Rows in order; lanes that tell each key's own from any other's."""
    return KeyEntries(
        np.array(keys, dtype=np.uint64).reshape(-1, 2),
        np.array([lanes_of(key) for key in keys], dtype=np.uint64).reshape(-1, 2),
        np.arange(len(keys), dtype=np.uint32),
    )


def lanes_of(key: Key) -> Key:
    return key[0] ^ 5, key[1] ^ 9


def random_entries(seed: int, count: int) -> KeyEntries:
    words = np.random.default_rng(seed).integers(0, 2**64, size=(count, 4), dtype=np.uint64)
    return KeyEntries(words[:, :2], words[:, 2:], np.arange(count, dtype=np.uint32))


def model_of(batches: Iterable[tuple[int, KeyEntries]]) -> dict[Key, Held]:
    """What the index should say, by the plainest of means."""
    model: dict[Key, Held] = {}
    for batch, part in batches:
        columns = (part.keys.tolist(), part.lanes.tolist(), part.rows.tolist())
        for key, lanes, row in zip(*columns, strict=True):
            model[key[0], key[1]] = (batch << 32 | row, lanes[0], lanes[1])
    return model


def asking(keys: Iterable[Key]) -> np.ndarray:
    return np.array(list(keys), dtype=np.uint64).reshape(-1, 2)


def nothing_known(count: int) -> Known:
    return Known(np.zeros(count, dtype=bool), *(np.zeros(count, dtype=np.uint64) for _ in range(3)))


def answers(known: Known) -> list[Held | None]:
    columns = (known.found, known.position, known.lane_a, known.lane_b)
    return [
        (position, lane_a, lane_b) if hit else None
        for hit, position, lane_a, lane_b in zip(*(column.tolist() for column in columns), strict=True)
    ]
