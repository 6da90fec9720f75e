"""Writes the run files that are due and merges them, in a thread beside the commits.

One process at a time does it, under the lease of `merge.lock`. Between two stretches of a long merge it
writes what became due meanwhile, so that memory does not fill while it goes on.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from tieout.kernel.errors import IntegrityViolation
from tieout.store.crash import crash_point
from tieout.store.files import leased, remove
from tieout.store.log.index.levels import FAN_OUT, due_group, listed, run_path
from tieout.store.log.index.run import Run, is_outdated, runs_covering
from tieout.store.log.index.tail import Span
from tieout.store.log.index.write import merge_runs, write_run
from tieout.store.log.unfinished import remove_unfinished

LEASE_NAME = "merge.lock"
REST_PER_WORK: Final = 3
"""A long merge rests so many times as long as it worked, stretch by stretch: a server has answers to give
beside it. Not while anybody waits for it, and not once half of the next merge of its kind has come together
behind it: then there is more to file than such a pace would ever get done.
"""
REST_SECONDS_MAX: Final = 0.1
REBUILT_FOLDER = "rebuilt"
"""Where an index is built anew, under the same lease, before it takes the place of the old one."""


class Abandoned(Exception):
    """The program ends; the merge is done again by the next one that has the lease."""


class Filing:
    """The filing of one home's runs, as one process does it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._thread: threading.Thread | None = None
        self._spans: deque[Span] = deque()
        self._handed_upto = 0
        self._error: Exception | None = None
        self._waiting = 0
        self.files_written = 0
        """Grows with each file that is there, also while a longer merge goes on."""

    @property
    def is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def start(self, spans: Iterable[Span]) -> bool:
        """Hands over full spans, in order, and returns at once: they are files later. False while another
        process has the lease. Raises what made the filing before this one fail.
        """
        self._raise_error()
        if self.is_running:
            self._hand_over(span for span in spans if span.last > self._handed_upto)
            return True
        with ExitStack() as stack:
            if not stack.enter_context(leased(self._folder / LEASE_NAME)):
                return False
            held = stack.pop_all()
        self._spans.clear()
        self._hand_over(spans)
        self._thread = threading.Thread(target=self._run, args=(held,), name="tieout-index")
        self._thread.start()
        return True

    def wait(self, seconds: float | None = None) -> None:
        """Until everything handed over is filed and merged, or for so long. Raises what made it fail."""
        if self._thread is not None:
            self._waiting += 1
            try:
                self._thread.join(seconds)
            finally:
                self._waiting -= 1
        self._raise_error()

    def _hand_over(self, spans: Iterable[Span]) -> None:
        for span in spans:
            self._spans.append(span)
            self._handed_upto = span.last

    def _may_rest(self) -> bool:
        return not self._waiting and not self._spans

    def _file_written(self) -> None:
        self.files_written += 1

    def _raise_error(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _run(self, held: ExitStack) -> None:
        """Whatever goes wrong belongs to the thread that commits."""
        outcome: Exception | None = RuntimeError("filing the identity index ended before its end; see above")
        with held:
            try:
                _Work(self._folder, self._spans, self._file_written, self._may_rest).everything()
                outcome = None
            except Abandoned:
                outcome = None
            except (OSError, MemoryError, IntegrityViolation) as error:
                outcome = error
            finally:
                self._error = outcome


class _Work:
    """What is done under one lease."""

    def __init__(
        self, folder: Path, spans: deque[Span], written: Callable[[], None], may_rest: Callable[[], bool]
    ) -> None:
        self._folder = folder
        self._spans = spans
        self._written = written
        self._may_rest = may_rest
        self._rested_at = time.monotonic_ns()
        self._files = covering(folder)

    def everything(self) -> None:
        try:
            self._work(shorter_than=None)
        finally:
            self._remove_unread()

    def _work(self, *, shorter_than: int | None) -> None:
        """Files what is due, then merges, the shortest runs first."""
        while True:
            self._write_spans()
            place = due_group([run.range for run in self._files], shorter_than=shorter_than)
            if place is None:
                return
            self._merge(self._files[place : place + FAN_OUT])

    def _write_spans(self) -> None:
        while self._spans:
            span = self._spans[0]
            filed = self._files[-1].last if self._files else 0
            if span.first == filed + 1:
                path = run_path(self._folder, (span.first, span.last))
                write_run(span.entries(), path, first=span.first, last=span.last)
                crash_point("index-after-run")
                self._files = covering(self._folder, [*self._files, Run(path)])
                self._written()
            self._spans.popleft()

    def _merge(self, group: list[Run]) -> None:
        length = group[0].last - group[0].first + 1
        path = run_path(self._folder, (group[0].first, group[-1].last))
        merge_runs(group, path, between=lambda: self._between(length, after=group[-1].last))
        crash_point("index-after-merge")
        place = self._files.index(group[0])
        self._files[place : place + FAN_OUT] = [Run(path)]
        for old in group:
            remove(old.path)
        self._written()

    def _between(self, length: int, *, after: int) -> None:
        if not threading.main_thread().is_alive():
            raise Abandoned
        self._work(shorter_than=length)
        worked = (time.monotonic_ns() - self._rested_at) / 1_000_000_000
        behind = sum(run.first > after and run.last - run.first + 1 == length for run in self._files)
        if self._may_rest() and behind < FAN_OUT // 2:
            time.sleep(min(worked * REST_PER_WORK, REST_SECONDS_MAX))
        self._rested_at = time.monotonic_ns()

    def _remove_unread(self) -> None:
        """Files that a killed process left: written in part, or merged into a longer run; and those of an
        earlier format. The lease is ours.
        """
        read = {run.path for run in self._files}
        filed = self._files[-1].last if self._files else 0
        for (_, last), path in listed(self._folder).items():
            if path not in read and (last <= filed or is_outdated(path)):
                remove(path)
        remove_unfinished(self._folder)
        shutil.rmtree(self._folder / REBUILT_FOLDER, ignore_errors=True)


def covering(folder: Path, opened: Iterable[Run] = ()) -> list[Run]:
    """The runs that cover the log from batch 1 without a gap. Raises `DamagedRun`."""
    ready = {run.path: run for run in opened}
    while True:
        try:
            return list(runs_covering(listed(folder), ready))
        except FileNotFoundError:
            continue  # another process merged it away between the listing and the opening: list again
