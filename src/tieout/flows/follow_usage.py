"""Live usage follows the log: every committed batch is folded into the requests that are kept up, in order.

The log is the only source: what is kept is exact as of its watermark, moves with it in one commit, and is
built again from the log where it is lost. One process of a machine follows at a time, under a lease; whoever
answers only reads.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Final

from tieout.flows.apply_catalog import load_catalog
from tieout.flows.fold_batch import BatchFold, committed
from tieout.flows.home import Home
from tieout.flows.read_log import read_log
from tieout.flows.standing_kept import StandingKept
from tieout.flows.standing_plan import StandingPlan
from tieout.kernel.errors import TieoutError
from tieout.kernel.ids import Watermark
from tieout.ports.live import DamagedLiveUsage, LiveMark

ROWS_PER_STEP: Final = 65_536
"""Events that one commit of the live usage takes in, unless a single batch has more."""
POLL_NANOSECONDS: Final = 15_000_000
STAND_BY_NANOSECONDS: Final = 2_000_000_000


class UsageFollower:
    """Holds what it has read of the kept usage; only the process with the lease may have one."""

    def __init__(self, home: Home) -> None:
        self._home = home
        head = home.log.head()
        mark = home.live.mark()
        if mark is None or mark.watermark > head:
            mark = LiveMark(head, None)
            home.live.begin(mark)
        self._stand_at(mark)

    def _stand_at(self, mark: LiveMark) -> None:
        home = self._home
        self.mark = mark
        self._fold = BatchFold(home, mark.watermark)
        self._kept = StandingKept(home)
        self._plan = StandingPlan(home, self._kept)

    @property
    def is_settled(self) -> bool:
        """Whether everything that was looked for is kept."""
        return self._plan.is_done

    def step(self) -> int:
        """One round: some of the planning, then the batches that wait, up to ROWS_PER_STEP events; returns
        how many batches there were. Where what is kept is damaged, it begins anew at the same watermark.
        """
        try:
            return self._step()
        except DamagedLiveUsage:
            self._home.live.begin(self.mark)
            self._stand_at(self.mark)
            return self._step()

    def _step(self) -> int:
        self._plan.work(self.mark.watermark)
        batches = committed(self._home, self.mark.watermark, rows_max=ROWS_PER_STEP)
        if not batches:
            return 0
        catalog = load_catalog(self._home)
        for batch in batches:
            self._kept.note(self._fold.fold(catalog, batch, partial(self._kept.of_subjects, catalog)))
        last = batches[-1]
        self._recount(last.number)
        self.mark = LiveMark(last.number, last.received_at)
        self._kept.commit(self.mark)
        self._plan.again(self._kept.give_up_too_fine())
        return len(batches)

    def _recount(self, watermark: Watermark) -> None:
        """What could not be folded is counted over the whole log, once for all."""
        stale = self._kept.stale()
        if not stale:
            return
        requests = [each.request for each in stale]
        found = read_log(
            self._home,
            lambda manifest: self._home.engine.accumulate_each(requests, manifest),
            watermark=watermark,
        )
        for standing, one in zip(stale, found, strict=True):
            self._kept.recounted(standing, one)


def follow_usage(
    home: Home,
    *,
    stop: Callable[[], bool],
    told: Callable[[TieoutError], None] | None = None,
) -> None:
    """Follows until `stop` says so. What cannot be done now is told and tried again from the last commit."""
    while not stop():
        with home.live.leading() as ours:
            if ours:
                try:
                    follower = UsageFollower(home)
                    while not stop():
                        if not follower.step():
                            _wait(POLL_NANOSECONDS, stop)
                except TieoutError as error:
                    if told is not None:
                        told(error)
        _wait(STAND_BY_NANOSECONDS, stop)


def _wait(nanoseconds: int, stop: Callable[[], bool]) -> None:
    until = time.monotonic_ns() + nanoseconds
    while not stop() and (left := until - time.monotonic_ns()) > 0:
        time.sleep(min(left, 100_000_000) / 1_000_000_000)
