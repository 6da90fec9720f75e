"""The port `KeptPacks`: files in the home's folder, each named by its own digest and written once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import get_native_id
from typing import Final

PACKS_FOLDER: Final = "packs"


@dataclass(frozen=True, slots=True)
class FileKeptPacks:
    """`folder`: the home's. A file that a crash left half-written has no pack's name."""

    folder: Path

    def keep(self, content: bytes) -> str:
        digest = sha256(content).hexdigest()
        file = self._file(digest)
        if file.is_file() and file.read_bytes() == content:
            return digest
        file.parent.mkdir(exist_ok=True)
        one = f"{os.getpid()}-{get_native_id()}"  # threads of one server keep the same pack at once
        part = file.with_name(f".{digest}.{one}.part")
        try:
            with part.open("wb") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
        for folder in (file.parent, self.folder):
            _sync(folder)
        return digest

    def read(self, sha256: str) -> bytes | None:
        try:
            return self._file(sha256).read_bytes()
        except FileNotFoundError:
            return None

    def place(self, sha256: str) -> str:
        return str(self._file(sha256))

    def _file(self, digest: str) -> Path:
        assert digest.isalnum() and digest.isascii(), "a digest in hexadecimal, never a path"
        return self.folder / PACKS_FOLDER / f"{digest}.zip"


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
