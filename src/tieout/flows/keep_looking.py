"""Keep looking at the rules: what a process beside the servers does, so that nobody has to run a look.

Several may do so: what two of them find is recorded once, and whoever was slower starts again (L16). Killed
at any step, the next one goes on from the last look that was recorded.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tieout.flows.answer_interims import InterimAnswer, answer_interims
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.home import Home
from tieout.flows.look_at_rules import LookReport, look_to_head
from tieout.flows.look_figures import LookFigures
from tieout.flows.own_settings import own_book
from tieout.flows.trigger_rules import has_rules
from tieout.kernel.errors import TieoutError

POLL_NANOSECONDS: Final = 200_000_000
"""So often it is looked whether a batch came or a document was applied; that costs a few counts."""
AGAIN_SECONDS: Final = 60
"""So often the figures of everybody are read, whom no batch touched: time moves projections, contracts and
periods."""
WAKE_NANOSECONDS: Final = 100_000_000
NANOSECONDS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class LookingRound:
    """What one round found and had answered; or why it could not."""

    reports: tuple[LookReport, ...] = ()
    answers: tuple[InterimAnswer, ...] = ()
    failure: TieoutError | None = None

    @property
    def crossed(self) -> int:
        return sum(len(report.changes) for report in self.reports)


def keep_looking(
    home: Home,
    *,
    stop: Callable[[], bool],
    told: Callable[[LookingRound], None],
    answers: bool = True,
    poll_nanoseconds: int = POLL_NANOSECONDS,
    again_seconds: int = AGAIN_SECONDS,
) -> None:
    """Looks until `stop` says so; `told` hears of every round that did something and of every failure, which
    is tried again. `answers` False: requests to the invoice rules are left to others."""
    revision, again_at, seen = -1, 0, 0
    figures = LookFigures(home)
    while not stop():
        try:
            now, latest = time.monotonic_ns(), home.books.documents.revision()
            everyone = latest != revision or now >= again_at
            book = own_book(home)
            also = book.changed_since(seen)
            is_due = everyone or also or home.log.head() != home.books.triggers.looked()
            if is_due and has_rules(load_catalog(home), book):
                reports = tuple(look_to_head(home, everyone=everyone, also=also, figures=figures))
                answered = answer_interims(home) if answers else ()
                if answered or any(report.changes or report.unread for report in reports):
                    told(LookingRound(reports, answered))
            revision, seen = latest, book.revision
            if everyone:
                again_at = now + again_seconds * NANOSECONDS
        except TieoutError as error:
            told(LookingRound(failure=error))
        _wait(poll_nanoseconds, stop)


def _wait(nanoseconds: int, stop: Callable[[], bool]) -> None:
    until = time.monotonic_ns() + nanoseconds
    while not stop() and (left := until - time.monotonic_ns()) > 0:
        time.sleep(min(left, WAKE_NANOSECONDS) / NANOSECONDS)
