"""The port `InstallationKey`: the Ed25519 key with which this installation signs evidence packs.

A PEM file in the home's folder, readable by its owner only, or wherever `TIEOUT_EVIDENCE_KEY` says. It is
made once and never written over; no backup of the databases contains it.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tieout.gateways.signing import new_private_pem, public_key_of, sign, write_new
from tieout.kernel.errors import Refusal
from tieout.ports.world import NoEvidenceKey

KEY_FILE: Final = "evidence.key"
VARIABLE: Final = "TIEOUT_EVIDENCE_KEY"


class EvidenceKeyExposed(Refusal):
    """Others may read the file."""

    code = "evidence-key-exposed"

    def __init__(self, file: Path) -> None:
        super().__init__(
            f"{file} is readable by others, who could sign packs with it: chmod 600 it, and ask "
            f"yourself who has it."
        )


@dataclass(frozen=True, slots=True)
class FileInstallationKey:
    """Read anew at each use. `only_here`: the key in the folder, whatever the environment names."""

    folder: Path
    only_here: bool = False

    @property
    def place(self) -> str:
        return str(self._file)

    def create(self) -> bytes:
        write_new(self._file, new_private_pem(), mode=0o600)
        return self.public_key()

    def public_key(self) -> bytes:
        return public_key_of(self._checked())

    def sign(self, message: bytes) -> bytes:
        return sign(self._checked(), message)

    @property
    def _file(self) -> Path:
        named = None if self.only_here else os.environ.get(VARIABLE)
        return Path(named) if named else self.folder / KEY_FILE

    def _checked(self) -> Path:
        file = self._file
        try:
            mode = stat.S_IMODE(file.stat().st_mode)
        except FileNotFoundError as error:
            raise NoEvidenceKey(file) from error
        if mode & 0o077:
            raise EvidenceKeyExposed(file)
        return file
