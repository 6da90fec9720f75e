"""Unpredictable bytes from the operating system, and foretold ones for scratch homes."""

from __future__ import annotations

import secrets
from hashlib import shake_256


class SystemEntropy:
    """Fit for keys and ids."""

    def token(self, bytes_count: int) -> bytes:
        return secrets.token_bytes(bytes_count)


class ForetoldEntropy:
    """The same bytes from the same seed: a scratch home then gives the same digests each time. Fit for no key
    that guards anything."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._given = 0

    def token(self, bytes_count: int) -> bytes:
        self._given += 1
        return shake_256(self._seed + self._given.to_bytes(8, "big")).digest(bytes_count)
