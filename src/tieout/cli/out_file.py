"""The file that a command writes for a person: never over another unasked, and never over a private key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from tieout.kernel.errors import ConflictError, NotFound

ForceOption = Annotated[bool, typer.Option("--force", help="Replace the file if there is one.")]
PRIVATE_KEY: Final = b"PRIVATE KEY-----"
KEY_HEAD_BYTES: Final = 4096
"""How much of a file is read to see whether it is a key."""


class OutFileExists(ConflictError):
    """Somebody may still need what is there."""

    code = "out-file-exists"

    def __init__(self, out: Path) -> None:
        super().__init__(
            f"{out} exists already; nothing was written. Name another file, or replace it with --force."
        )


class KeyInTheWay(ConflictError):
    """Who overwrites a private key loses it for good."""

    code = "key-in-the-way"

    def __init__(self, out: Path) -> None:
        super().__init__(f"{out} is a private key, which is never overwritten. Name another file.")


class NoFileThere(ConflictError):
    """A folder, or a device, cannot be replaced by a file."""

    code = "not-a-file"

    def __init__(self, out: Path) -> None:
        super().__init__(f"{out} is no file; nothing was written. Name a file.")


class NoSuchFolder(NotFound):
    """A file is not written into a folder that is not there."""

    code = "no-such-folder"

    def __init__(self, out: Path) -> None:
        super().__init__(f"There is no folder {out.parent} to write {out.name} into; make it first.")


def may_write(out: Path, *, force: bool) -> Path:
    """The same path. Raises `OutFileExists` unless `force`, and in any case `KeyInTheWay`, `NoFileThere` and
    `NoSuchFolder`."""
    if out.is_symlink() or out.exists():
        if out.is_file() and _is_private_key(out):
            raise KeyInTheWay(out)
        if out.exists() and not out.is_file():
            raise NoFileThere(out)
        if not force:
            raise OutFileExists(out)
    elif not out.parent.is_dir():
        raise NoSuchFolder(out)
    return out


def write_whole(out: Path, content: bytes) -> None:
    """All of it or nothing: what was there before stays until the new file is whole."""
    part = out.with_name(f".{out.name}.part")
    try:
        part.write_bytes(content)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)


def _is_private_key(out: Path) -> bool:
    try:
        with out.open("rb") as file:
            return PRIVATE_KEY in file.read(KEY_HEAD_BYTES)
    except OSError:
        return True  # whoever may not read it does not know what would be lost
