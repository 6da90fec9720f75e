"""What follows from a price alone is made once, however many charges it rates.

Found by the identity of the shape, since hashing its fractions costs as much as making the steps; an entry
holds its shape, so an identity is never of another one. It changes no result, only when it is computed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

ENTRIES_MAX = 1_024

S = TypeVar("S")
M = TypeVar("M")


class ByIdentity(Generic[S, M]):
    """Results of `make(shape, unit, currency)`; all are forgotten once there are `ENTRIES_MAX`."""

    __slots__ = ("_found", "_make")

    def __init__(self, make: Callable[[S, str, str], M]) -> None:
        self._make = make
        self._found: dict[tuple[int, str, str], tuple[S, M]] = {}

    def of(self, shape: S, unit: str, currency: str) -> M:
        """The result; it is made unless it is remembered."""
        key = (id(shape), unit, currency)
        entry = self._found.get(key)
        if entry is None:
            if len(self._found) >= ENTRIES_MAX:
                self._found.clear()
            entry = self._found[key] = (shape, self._make(shape, unit, currency))
        return entry[1]
