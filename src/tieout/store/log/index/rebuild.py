"""Builds the identity index from the log: what is missing when a home is opened, or all of it, to the same
bytes, when somebody asks. It is derived, and may be deleted.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tieout.kernel.errors import Unavailable
from tieout.ports.identities import IndexedRange, IndexStatus
from tieout.store.files import leased, sync_folder
from tieout.store.log.index.committed import Committed
from tieout.store.log.index.filing import LEASE_NAME, REBUILT_FOLDER, covering
from tieout.store.log.index.index import IdentityIndex, IndexBehind
from tieout.store.log.index.levels import listed
from tieout.store.log.index.run import HEADER_BYTES, DamagedRun, OutdatedRun, Run, decode_header

Progress = Callable[[int, int], None]
PATIENCE_SECONDS = 30
PAUSE_SECONDS = 0.02


class IndexInUse(Unavailable):
    """Another process writes or merges run files at this moment."""

    code = "index-in-use"

    def __init__(self, folder: Path) -> None:
        super().__init__(f"another process writes or merges files of {folder}; try again once it is done.")


def learn_committed(index: IdentityIndex, log: Committed, progress: Progress | None = None) -> None:
    """Learns every committed batch that the index does not know yet, and files what is due as it goes: no
    lock is held, and memory stays bounded however far the index lags. Raises `IndexBehind`.
    """
    head = log.head()
    while index.upto < head:
        before = index.upto
        last = min(head, index.gap_end())
        for batch, entries in log.entries(index.upto + 1, last):
            if batch > index.upto:  # else another process has filed it meanwhile
                index.learn(batch, entries)
                index.file_runs()
            if progress is not None:
                progress(batch, head)
        if last < head:
            index.look_again()  # another process may have filed what follows, while this one stood still
            index.settle()  # the files beyond the gap count again
        if index.upto == before:
            raise IndexBehind(before, head)


def rebuild_index(folder: Path, log: Committed, progress: Progress | None = None) -> None:
    """Every run file anew, from the log alone. The old ones serve until the new ones are there.

    Beside busy servers it waits its turn. Raises `IndexInUse`, and what says that the log itself is damaged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _turn_to_file(folder):
        beside = folder / REBUILT_FOLDER
        shutil.rmtree(beside, ignore_errors=True)
        index = IdentityIndex(beside)
        learn_committed(index, log, progress)
        index.settle()
        _take_the_place(covering(beside, ()), folder)
        shutil.rmtree(beside)


@contextmanager
def _turn_to_file(folder: Path) -> Iterator[None]:
    """The lease of who files and merges runs, who mostly holds it for a moment."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        with leased(folder / LEASE_NAME) as free:
            if free:
                yield
                return
        if time.monotonic() >= until:
            raise IndexInUse(folder)
        time.sleep(PAUSE_SECONDS)


def _take_the_place(built: list[Run], folder: Path) -> None:
    """Of two runs that start alike readers take the longer, and all of them hold the same: so at no moment
    is an identity missing.
    """
    for run in built:
        run.path.replace(folder / run.path.name)
    names = {run.path.name for run in built}
    for path in listed(folder).values():
        if path.name not in names:
            path.unlink(missing_ok=True)
    sync_folder(folder)


def index_status(folder: Path, log: Committed) -> IndexStatus:
    """What is there, from the headers alone."""
    ranges: list[IndexedRange] = []
    faults: list[str] = []
    paths = listed(folder) if folder.is_dir() else {}
    for path in paths.values():
        try:
            with path.open("rb") as file:
                shape, _ = decode_header(file.read(HEADER_BYTES), path)
        except OutdatedRun:
            faults.append(f"{path} has an earlier format; the next ingest builds it again")
        except DamagedRun as error:
            faults.append(str(error))
        except FileNotFoundError:
            continue  # merged away meanwhile
        else:
            ranges.append(IndexedRange(shape.first, shape.last, shape.count, shape.file_bytes))
    read, gaps = _read(sorted(ranges, key=lambda found: (found.first_batch, -found.last_batch)))
    faults += [f"batches {first} to {last} are in no run file" for first, last in gaps]
    return IndexStatus(log.head(), tuple(read), len(ranges) - len(read), tuple(faults))


def _read(ranges: list[IndexedRange]) -> tuple[list[IndexedRange], list[tuple[int, int]]]:
    """Those that look-ups read, and the gaps between them; the others were merged into a longer one."""
    read: list[IndexedRange] = []
    gaps: list[tuple[int, int]] = []
    following = 1
    for found in ranges:
        if found.last_batch < following:
            continue
        if found.first_batch > following:
            gaps.append((following, found.first_batch - 1))
        read.append(found)
        following = found.last_batch + 1
    return read, gaps
