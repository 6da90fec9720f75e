"""A disk that remembers every change made to it in order, so that the power can be lost after each of them.

A write is durable once its file was synced, a name once its folder was. At a loss every 512-byte sector of an
unsynced write, and every unsynced name, is on the disk or is not, as the generator pleases.

A sync that fails drops what it should have written, as Linux does: everyone goes on seeing it, later syncs
succeed, and the disk never gets it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

SECTOR_BYTES = 512


@dataclass(frozen=True, slots=True)
class Write:
    file: int
    offset: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Truncate:
    file: int
    size: int


@dataclass(frozen=True, slots=True)
class Sync:
    file: int
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Name:
    """A name given to a file, or taken from one (`file` is None). A rename is both at once."""

    changes: tuple[tuple[str, int | None], ...]


@dataclass(frozen=True, slots=True)
class SyncFolder:
    folder: str


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Not a change: the moment at which a sender was told."""

    label: str


Change = Write | Truncate | Sync | Name | SyncFolder | Acknowledged


@dataclass(slots=True)
class Disk:
    """Records changes below `root`; what lies there at the start is durable. While `deaf` it records nothing:
    the process that makes them is dead already.
    """

    root: Path
    changes: list[Change] = field(default_factory=list)
    start: dict[str, bytes] = field(default_factory=dict)
    deaf: bool = False
    _files: dict[str, int] = field(default_factory=dict)
    _count: int = 0

    def __post_init__(self) -> None:
        for path in sorted(self.root.rglob("*")):
            if path.is_file() and not is_volatile(path.name):
                self.start[self._name(path)] = path.read_bytes()
        for name in self.start:
            self._files[name] = self._new_file()

    def first_files(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.start, start=1)}

    def write(self, path: Path, offset: int, content: bytes) -> None:
        self._add(Write(self._file(path), offset, bytes(content)))

    def truncate(self, path: Path, size: int) -> None:
        self._add(Truncate(self._file(path), size))

    def sync(self, path: Path, *, failed: bool = False) -> None:
        self._add(Sync(self._file(path), failed))

    def rename(self, source: Path, target: Path) -> None:
        file = self._files.pop(self._name(source))
        self._files[self._name(target)] = file
        self._add(Name(((self._name(target), file), (self._name(source), None))))

    def unlink(self, path: Path) -> None:
        if not self.deaf and self._files.pop(self._name(path), None) is not None:
            self._add(Name(((self._name(path), None),)))

    def make_folder(self, folder: Path) -> None:
        self._files[self._name(folder)] = FOLDER
        self._add(Name(((self._name(folder), FOLDER),)))

    def sync_folder(self, folder: Path) -> None:
        self._add(SyncFolder(self._name(folder)))

    def acknowledged(self, label: str) -> None:
        self._add(Acknowledged(label))

    def _add(self, change: Change) -> None:
        if not self.deaf:
            self.changes.append(change)

    def _file(self, path: Path) -> int:
        name = self._name(path)
        if name not in self._files:
            self._files[name] = self._new_file()
            self._add(Name(((name, self._files[name]),)))
        return self._files[name]

    def _new_file(self) -> int:
        self._count += 1
        return self._count

    def _name(self, path: Path) -> str:
        return str(path.relative_to(self.root))


FOLDER = 0
"""Stands for a folder where other names have a file's number."""


def is_volatile(name: str) -> bool:
    """Shared memory and locks are gone with the power."""
    return name.endswith((".lock", "-shm"))


class Platter:
    """What is durable, and what is on its way; changes are played to it one by one."""

    def __init__(self, disk: Disk) -> None:
        self._names = disk.first_files()
        self._content = {self._names[name]: bytearray(content) for name, content in disk.start.items()}
        self._unsynced: dict[int, list[Write | Truncate]] = {}
        self._unnamed: list[Name] = []

    def play(self, change: Change) -> None:
        match change:
            case Write() | Truncate():
                self._unsynced.setdefault(change.file, []).append(change)
            case Sync():
                for waiting in self._unsynced.pop(change.file, []):
                    if not change.failed:
                        apply(waiting, self._content.setdefault(change.file, bytearray()))
            case Name():
                self._unnamed.append(change)
            case SyncFolder():
                self._sync_names(change.folder)
            case Acknowledged():
                pass

    def survivors(self, generator: random.Random) -> dict[str, bytes | None]:
        """Files by name (None: a folder) as the power might leave them."""
        names, content = dict(self._names), self._content
        keeps = generator.choice([0.0, 0.5, 0.9, 1.0])
        for change in self._unnamed:
            if generator.random() < keeps:
                _rename(names, change)
        found: dict[str, bytes | None] = {}
        for name, file in names.items():
            if not all(str(parent) in names for parent in Path(name).parents if str(parent) != "."):
                continue  # the folder above was lost
            if file == FOLDER:
                found[name] = None
                continue
            kept = bytearray(content.get(file, b""))
            for waiting in self._unsynced.get(file, []):
                for piece in _pieces(waiting):
                    if generator.random() < keeps:
                        apply(piece, kept)
            found[name] = bytes(kept)
        return found

    def _sync_names(self, folder: str) -> None:
        waiting, self._unnamed = self._unnamed, []
        for change in waiting:
            if any(str(Path(name).parent) == folder for name, _ in change.changes):
                _rename(self._names, change)
            else:
                self._unnamed.append(change)


def losses(
    disk: Disk, generator: random.Random, *, each: int = 1
) -> Iterator[tuple[list[str], dict[str, bytes | None]]]:
    """After every change, `each` times: what had been acknowledged, and what is left on the disk."""
    platter = Platter(disk)
    told: list[str] = []
    for change in disk.changes:
        platter.play(change)
        if isinstance(change, Acknowledged):
            told = [*told, change.label]
        for _ in range(each):
            yield told, platter.survivors(generator)


def lay_down(files: dict[str, bytes | None], folder: Path) -> None:
    """Makes a folder of what is left."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / name
        if content is None:
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def apply(change: Write | Truncate, content: bytearray) -> None:
    if isinstance(change, Truncate):
        del content[change.size :]
        return
    if len(content) < change.offset:
        content.extend(bytes(change.offset - len(content)))
    content[change.offset : change.offset + len(change.content)] = change.content


def _pieces(change: Write | Truncate) -> Iterator[Write | Truncate]:
    if isinstance(change, Truncate):
        yield change
        return
    start, end = change.offset, change.offset + len(change.content)
    while start < end:
        upto = min(end, (start // SECTOR_BYTES + 1) * SECTOR_BYTES)
        yield Write(change.file, start, change.content[start - change.offset : upto - change.offset])
        start = upto


def _rename(names: dict[str, int], change: Name) -> None:
    for name, file in change.changes:
        if file is None:
            names.pop(name, None)
        else:
            names[name] = file
