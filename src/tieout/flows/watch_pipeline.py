"""The pipeline watcher: reads what was committed since it last looked, opens an alert for each rate that has
shifted, and moves its cursor.

It may run anywhere and any number of times at once: the alert of a source, kind and hour has one id, and of
two watchers that looked at the same batches one moves the cursor and the other finds it moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tieout.flows.home import Home
from tieout.ingest.rate import VerdictCounts, verdict_counts
from tieout.ingest.shift import DAYS_BACK, Shift, shifts
from tieout.ingest.verdict import Verdict
from tieout.kernel.ids import Watermark
from tieout.kernel.instant import DAY_MICROSECONDS, Instant
from tieout.ports import Tally

CONSUMER = "pipeline-watcher"
BATCHES_PER_STEP = 10_000


@dataclass(frozen=True, slots=True)
class Watched:
    """One step: the batches it looked at, the shifts whose alerts it opened, and whether more is waiting."""

    after: Watermark
    upto: Watermark
    opened: tuple[Shift, ...]
    more: bool


def watch_pipeline(home: Home) -> Watched:
    """One step over at most BATCHES_PER_STEP batches. Nothing new: reads, and no write.

    First this process says when its own last batches became queryable, so that the watcher's lag is known.
    """
    home.log.write_lags()
    after, head = home.pipeline.cursor(CONSUMER), home.log.head()
    upto = Watermark(min(head, after + BATCHES_PER_STEP))
    if upto <= after:
        return Watched(after, after, (), more=False)
    found = _shifts_of(home, home.pipeline.touched(after=after, upto=upto))
    now = home.clock.now()
    opened = home.pipeline.acted(CONSUMER, after=after, upto=upto, at=now, found=found)
    return Watched(after, upto, opened or (), more=upto < head)


def watch_to_head(home: Home) -> tuple[Shift, ...]:
    """Steps until nothing is waiting; returns the shifts whose alerts were opened."""
    opened: list[Shift] = []
    while True:
        step = watch_pipeline(home)
        opened += step.opened
        if not step.more:
            return tuple(opened)


def _shifts_of(home: Home, touched: Sequence[tuple[str, Instant]]) -> list[Shift]:
    hours: dict[str, list[Instant]] = {}
    for source, hour in touched:
        hours.setdefault(source, []).append(hour)
    found: list[Shift] = []
    for source, mine in sorted(hours.items()):
        since = Instant(min(mine) - DAYS_BACK * DAY_MICROSECONDS)
        by_hour = counts_by_hour(home.pipeline.rates(source=source, since=since))
        for hour in mine:
            found += shifts(source, hour, by_hour)
    return found


def counts_by_hour(rates: Sequence[Tally]) -> dict[Instant, VerdictCounts]:
    """The counts of one source's rates by hour."""
    pairs: dict[Instant, list[tuple[Verdict, int]]] = {}
    for tally in rates:
        pairs.setdefault(tally.hour, []).append((tally.verdict, tally.items))
    return {hour: verdict_counts(found) for hour, found in pairs.items()}
