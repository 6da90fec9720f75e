"""All identities the log has accepted: run files for whole ranges of batches, and the newest batches in
memory.

The index learns only from committed batches, read back. Run files are written and merged beside the commits
(`filing`); a commit waits for that only where memory would otherwise grow without bound.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import numpy as np

from tieout.ingest.verdict import Known, UInt64s
from tieout.kernel.errors import Unavailable
from tieout.store.files import make_folder_durably
from tieout.store.log.encoding import KeyEntries
from tieout.store.log.index.entries import Asked
from tieout.store.log.index.filing import Filing, covering
from tieout.store.log.index.levels import due_group, listed, run_range
from tieout.store.log.index.run import Run
from tieout.store.log.index.tail import Span

WAITING_ENTRIES_MAX: Final = 1 << 23
"""Identities in full spans that are not filed yet, about 60 bytes each; beyond it commits wait."""
_WAIT_SECONDS: Final = 0.01
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
        self._spans: list[Span] = []
        make_folder_durably(self._folder)
        self._filing = Filing(folder)
        self._files_seen = 0
        self._open_files()

    @property
    def upto(self) -> int:
        """The last batch that the index has learned."""
        return self._spans[-1].upto if self._spans else self.filed

    @property
    def filed(self) -> int:
        """The last batch that run files hold."""
        return self._files[-1].last if self._files else 0

    def gap_end(self) -> int:
        """The last batch before the next run file that is beyond what was learned: one is missing between."""
        beyond = [first for first, _ in listed(self._folder) if first > self.upto]
        return min(beyond) - 1 if beyond else sys.maxsize

    def catch_up(self, head: int, load: LoadKeys) -> None:
        """Learns the committed batches up to `head`. What the log no longer holds as key entries, because
        another process compacted, is in run files that were written before. Raises `IndexBehind`.
        """
        self._learn_following(head, load)
        if self.upto < head:
            self._open_files()
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
        if not self._spans or self._spans[-1].is_full:
            first, last = run_range(batch)
            self._spans.append(Span((max(first, batch), last)))
        self._spans[-1].learn(batch, entries)

    def find(self, keys: UInt64s) -> Known:
        """What the log holds for each of `keys` (n, 2), among the batches that were learned."""
        count = len(keys)
        known = Known(np.zeros(count, dtype=bool), *(np.zeros(count, dtype=np.uint64) for _ in range(3)))
        asked = Asked(keys)
        for span in self._spans:
            span.find(asked, known)
        for run in self._files:
            run.find(asked, known)
        return known

    def forget_tail(self) -> None:
        """Drops what is not in run files: after a commit whose outcome is unknown."""
        self._spans.clear()

    def file_runs(self) -> None:
        """Has the run files that are due written and merged beside what comes next; to be called after each
        commit. Waits only while too much waits to be filed. Raises what made an earlier filing fail.
        """
        while True:
            self._begin_filing()
            waiting = sum(len(span) for span in self._full_spans())
            if waiting <= WAITING_ENTRIES_MAX:
                return
            self._filing.wait(_WAIT_SECONDS)
            if not self._filing.is_running:
                time.sleep(_WAIT_SECONDS)  # another process has the lease

    def look_again(self) -> None:
        """Takes up files that other processes have written since; raises as `catch_up` does."""
        self._open_files()

    def settle(self) -> None:
        """Returns once nothing is due: filed and merged here, or left to the process that is at it."""
        while self._begin_filing():
            self._filing.wait()

    def _begin_filing(self) -> bool:
        """Whether something is due that this process files, or is filing already."""
        if not self._is_due():
            return self._filing.is_running
        if not self._filing.is_running or self._filing.files_written != self._files_seen:
            self._open_files()
            if not self._is_due():
                return self._filing.is_running
        return self._filing.start(self._full_spans())

    def _is_due(self) -> bool:
        return bool(self._full_spans()) or due_group([run.range for run in self._files]) is not None

    def _full_spans(self) -> list[Span]:
        return [span for span in self._spans if span.is_full]

    def _open_files(self) -> None:
        """Takes up the files as they are now, and drops from memory what they hold. Raises `IndexBehind`
        where files were removed: a gap would let identities in again.
        """
        self._files_seen = self._filing.files_written
        before, filed = set(self._files), self.filed
        files = covering(self._folder, self._files)
        if (files[-1].last if files else 0) < filed:
            raise IndexBehind(files[-1].last if files else 0, self.upto)
        self._files = files
        for run in files:
            if run not in before:
                run.read_ahead()
        self._spans = [span for span in self._spans if span.last > self.filed]
