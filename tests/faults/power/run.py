"""One writer in this process, on a recorded disk; and the quick look at what a loss of power left of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import event

from tests.faults.harness.items import BlockName
from tests.faults.harness.sender import send_block, short_runs
from tests.faults.power.disk import Disk, is_volatile
from tests.faults.power.driver import ApswModule
from tests.faults.power.recording import RecordedFiles, RecordedVfs, Trouble
from tests.logs import NOW, open_log
from tieout.kernel.instant import Instant
from tieout.store import suspect
from tieout.store.files import using_files
from tieout.store.log.log import SqlEventLog
from tieout.store.sqlite import sqlite_module

_numbers = count(1)
_after: list[tuple[Disk, dict[Path, bytes]]] = []


@contextmanager
def recorded(
    disk: Disk, trouble: Trouble | None = None, *, now: Instant = NOW, synchronous: str = "FULL", **bugs: bool
) -> Iterator[SqlEventLog]:
    """The log at the root of `disk`, whose every change is recorded until the end."""
    going_wrong = trouble or Trouble()
    vfs = RecordedVfs(f"recorded-{next(_numbers)}", disk, going_wrong)
    try:
        with short_runs(), using_files(RecordedFiles(disk, going_wrong, **bugs)):
            log, engine = open_log(disk.root, now=now, module=ApswModule(vfs.name))
            event.listen(engine, "connect", lambda raw, _: set_synchronous(raw, synchronous))
            engine.dispose()
            try:
                yield log
            finally:
                engine.dispose()
                end_process(disk)
    finally:
        vfs.unregister()


def end_process(disk: Disk) -> None:
    """What the operating system does at the end of a process: the connection that was kept open because the
    disk is suspect goes, without a word from SQLite.
    """
    kept = [path for path in suspect._kept if path.is_relative_to(disk.root)]
    left, deaf = _files_of(disk), disk.deaf
    disk.deaf = True
    for path in kept:
        suspect._kept.pop(path).close()  # type: ignore[attr-defined]
    disk.deaf = deaf
    if kept:
        _put_back(disk, left)


def set_synchronous(raw: Any, value: str) -> None:
    raw.cursor().execute(f"PRAGMA synchronous={value}").fetchall()


@contextmanager
def killed_at_the_end(disk: Disk, log: SqlEventLog) -> Iterator[None]:
    """Whoever has the log open dies at the end of the body: its files lie as the body left them, and nobody
    came to tidy up. Another process that has it open keeps SQLite from doing so at an error, too.
    """
    other = log._engine.raw_connection()
    other.cursor().execute("SELECT 1")
    try:
        yield
    finally:
        disk.deaf = True
        _after.append((disk, _files_of(disk)))
        other.detach()
        other.close()


def bring_back(disk: Disk) -> None:
    """Puts the files as `killed_at_the_end` saw them; a new process may open them now."""
    for owner, left in _after:
        if owner is disk:
            _put_back(disk, left)
    _after.clear()
    disk.deaf = False


def _files_of(disk: Disk) -> dict[Path, bytes]:
    return {
        path: path.read_bytes()
        for path in disk.root.iterdir()
        if path.is_file() and not is_volatile(path.name)
    }


def _put_back(disk: Disk, left: dict[Path, bytes]) -> None:
    for path in disk.root.iterdir():
        if path.is_file() and path not in left:
            path.unlink()
    for path, content in left.items():
        path.write_bytes(content)


def send_recorded(log: SqlEventLog, disk: Disk, blocks: range, *, compact_every: int = 0) -> None:
    """Blocks of writer 0, each acknowledged on the disk's record once it is."""
    for number in blocks:
        name = BlockName(0, number)
        send_block(log, name)
        disk.acknowledged(name.origin)
        if compact_every and number % compact_every == compact_every - 1:
            log.compact(rows_min=1)


def origins(folder: Path) -> set[str]:
    """The origins of the batches of a database, which must be sound. A look that takes a millisecond."""
    connection = sqlite_module().connect(str(folder / "log.db"))
    try:
        (sound,) = connection.execute("PRAGMA quick_check").fetchone()
        assert sound == "ok", sound
        rows = connection.execute(
            "SELECT b.origin FROM batches b WHERE b.accepted = 0 OR EXISTS "
            "(SELECT 1 FROM bodies WHERE batch = b.number) OR EXISTS "
            "(SELECT 1 FROM segments s WHERE b.number BETWEEN s.first_batch AND s.last_batch)"
        ).fetchall()
    finally:
        connection.close()
    return {origin for (origin,) in rows}
