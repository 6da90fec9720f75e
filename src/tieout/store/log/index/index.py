"""All identities the log has accepted: run files for whole ranges of batches, and the newest batches in
memory.

Eight batches make a run of level 0, eight runs of a level one of the next; a run's range depends on batch
numbers only, so that any process builds the same file. The index learns only from committed batches, read
back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import numpy as np

from tieout.ingest.verdict import Known, UInt64s
from tieout.kernel.errors import Unavailable
from tieout.store.crash import crash_point
from tieout.store.files import leased, make_folder_durably, remove
from tieout.store.log.encoding import KeyEntries
from tieout.store.log.index.run import Run, UnsortedRun, merged, open_run, run_of, write_run
from tieout.store.log.unfinished import remove_unfinished

FAN_OUT: Final = 8
_NAME: Final = re.compile(r"([0-9]{12})-([0-9]{12})\.run")
LoadKeys = Callable[[int, int], Iterable[tuple[int, KeyEntries]]]
"""(first, last) -> the entries of those batches in order, from the log."""


class IndexBehind(Unavailable):
    """Batches are neither in run files nor among the log's key entries. To go on would accept twice."""

    code = "index-behind"

    def __init__(self, upto: int, head: int) -> None:
        super().__init__(
            f"the identity index ends at batch {upto}, the log at {head}, and its files were removed while "
            "it was in use; open the home again, and the index is rebuilt from the log"
        )


class IdentityIndex:
    """The index of one home, as one process sees it. Not for use by two threads at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: list[Run] = []
        self._memory: list[UnsortedRun] = []
        make_folder_durably(self._folder)
        self._open_files()

    @property
    def upto(self) -> int:
        """The last batch that the index has learned."""
        return self._memory[-1].batch if self._memory else self.filed

    @property
    def filed(self) -> int:
        """The last batch that run files hold."""
        return self._files[-1].last if self._files else 0

    def catch_up(self, head: int, load: LoadKeys) -> None:
        """Learns the committed batches up to `head`. What the log no longer holds as key entries, because
        another process compacted, is in run files that were written before. Raises `IndexBehind`.
        """
        self._learn_following(head, load)
        if self.upto < head:
            self._open_files()
            self._memory = [run for run in self._memory if run.batch > self.filed]
            self._learn_following(head, load)
        if self.upto < head:
            raise IndexBehind(self.upto, head)

    def _learn_following(self, head: int, load: LoadKeys) -> None:
        """Learns from `load` up to the first batch that is missing there."""
        if head <= self.upto:
            return
        for batch, entries in load(self.upto + 1, head):
            if batch != self.upto + 1:
                return
            self.learn(batch, entries)

    def learn(self, batch: int, entries: KeyEntries) -> None:
        """Learns the next batch."""
        assert batch == self.upto + 1, "batches are gapless"
        self._memory.append(UnsortedRun(batch, entries))

    def find(self, keys: UInt64s) -> Known:
        """What the log holds for each of `keys` (n, 2), among the batches that were learned."""
        count = len(keys)
        known = Known(np.zeros(count, dtype=bool), *(np.zeros(count, dtype=np.uint64) for _ in range(3)))
        for run in self._files:
            run.find(keys, known)
        for run in self._memory:
            run.find(keys, known)
        return known

    def forget_tail(self) -> None:
        """Drops what is not in run files: after a commit whose outcome is unknown."""
        self._memory.clear()

    def file_runs(self) -> None:
        """Writes the run files that are due, off the commit path; does nothing while another process does."""
        if self.upto - self.filed < FAN_OUT:
            return
        with leased(self._folder / "merge.lock") as free:
            if free:
                self._open_files()
                try:
                    self._write_due()
                finally:
                    self._remove_unread()
        self._memory = [run for run in self._memory if run.batch > self.filed]

    def _write_due(self) -> None:
        while True:
            self._merge_due()  # also what a killed process wrote and did not come to merge
            first = self.filed + 1
            due = [batch for batch in self._memory if first <= batch.batch < first + FAN_OUT]
            if len(due) < FAN_OUT:
                return
            run = run_of([(batch.batch, batch.entries) for batch in due], first=first, last=due[-1].batch)
            write_run(run, self._path(run))
            crash_point("index-after-run")
            self._files.append(open_run(self._path(run)))

    def _merge_due(self) -> None:
        """Merges the newest runs while eight of one length end at a multiple of the next length."""
        while len(self._files) >= FAN_OUT:
            group = self._files[-FAN_OUT:]
            length = group[-1].last - group[-1].first + 1
            if any(run.last - run.first + 1 != length for run in group) or (group[0].first - 1) % (
                length * FAN_OUT
            ):
                return
            run = merged(group)
            write_run(run, self._path(run))
            crash_point("index-after-merge")
            self._files[-FAN_OUT:] = [open_run(self._path(run))]
            for old in group:
                remove(self._path(old))

    def _remove_unread(self) -> None:
        """Files that a killed process left: written in part, or merged into a longer run. The lease is
        ours.
        """
        read = {self._path(run) for run in self._files}
        for path in self._folder.glob("*.run"):
            match = _NAME.fullmatch(path.name)
            if match and path not in read and int(match[2]) <= self.filed:
                remove(path)
        remove_unfinished(self._folder)

    def _open_files(self) -> None:
        while True:
            try:
                self._files = self._covering_files()
            except FileNotFoundError:
                continue  # another process merged it away between the listing and the opening: list again
            return

    def _covering_files(self) -> list[Run]:
        """The run files that cover the log from batch 1 without a gap; of two that start alike, the
        longer.
        """
        longest: dict[int, tuple[int, Path]] = {}
        for path in self._folder.glob("*.run"):
            match = _NAME.fullmatch(path.name)
            if match:
                first, last = int(match[1]), int(match[2])
                longest[first] = max(longest.get(first, (0, path)), (last, path))
        files: list[Run] = []
        while (following := longest.get(files[-1].last + 1 if files else 1)) is not None:
            files.append(open_run(following[1]))
        return files

    def _path(self, run: Run) -> Path:
        return self._folder / f"{run.first:012}-{run.last:012}.run"
