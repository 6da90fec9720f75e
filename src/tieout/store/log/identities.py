"""Law L3, checked without trust in the index: how many identities the log accepted more than once.

Keys are spread over files by their first bits, so that equal ones meet in one file, and each file is sorted
alone: memory holds one part of the log's keys at a time, the disk all of them, 16 bytes an event, for as long
as the pass runs.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Final

import numpy as np

KEY_BYTES: Final = 16
PARTS: Final = 64
KEYS_IN_MEMORY_MAX: Final = 1_048_576


class Identities:
    """A context manager; its files have no names, so that nothing is left behind by a kill."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: list[np.ndarray] = []
        self._waiting_keys = 0
        self._files: list[IO[bytes]] = []
        self._open = ExitStack()

    def __enter__(self) -> Identities:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def add(self, keys: bytes) -> None:
        """Accepted identities, 16 bytes each."""
        self._waiting.append(np.frombuffer(keys, dtype=np.uint8).reshape(-1, KEY_BYTES))
        self._waiting_keys += len(keys) // KEY_BYTES
        if self._waiting_keys > KEYS_IN_MEMORY_MAX:
            self._spill()

    def twice(self) -> int:
        """How many of those that were added were there before."""
        if not self._files:
            return _repeated(np.concatenate(self._waiting)) if self._waiting else 0
        self._spill()
        found = 0
        for file in self._files:
            file.seek(0)
            found += _repeated(np.frombuffer(file.read(), dtype=np.uint8).reshape(-1, KEY_BYTES))
        return found

    def _spill(self) -> None:
        if not self._files:
            for _ in range(PARTS):
                file = self._open.enter_context(tempfile.TemporaryFile(dir=self._folder))  # noqa: SIM115
                self._files.append(file)
        keys = np.concatenate(self._waiting) if self._waiting else np.empty((0, KEY_BYTES), np.uint8)
        part = keys[:, 0] // (256 // PARTS)
        order = np.argsort(part, kind="stable")
        ends = np.searchsorted(part[order], np.arange(PARTS), side="right")
        for file, own in zip(self._files, np.split(keys[order], ends[:-1]), strict=True):
            file.write(own.tobytes())
        self._waiting, self._waiting_keys = [], 0


def _repeated(keys: np.ndarray) -> int:
    ordered = np.sort(np.ascontiguousarray(keys).view(f"V{KEY_BYTES}").reshape(-1))
    return int((ordered[1:] == ordered[:-1]).sum())
