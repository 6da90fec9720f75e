"""The process that looks at alerts and charge controls while servers run."""

from __future__ import annotations

import logging
from pathlib import Path

from tieout.api.beside import run_beside
from tieout.flows.keep_looking import LookingRound, keep_looking

LOGGER = logging.getLogger("tieout")
UNREAD_SHOWN_MAX = 5
"""Rules that could not be read of which one line of the log each tells; `tieout alert check` has them all."""


def run_looker(folder: Path, *, answers: bool) -> int:
    """Looks until SIGTERM; a look that dies is found again by the next. Returns the exit code."""
    return run_beside(
        folder,
        lambda home, stop: keep_looking(home, stop=stop, told=tell, answers=answers),
        undone="rules are not looked at",
        level=logging.INFO,
    )


def tell(latest: LookingRound) -> None:
    if latest.failure is not None:
        LOGGER.warning("rules were not looked at: %s", latest.failure)
    if latest.crossed:
        LOGGER.info("%d crossings; `tieout alert list` says more", latest.crossed)
    for answer in latest.answers:
        LOGGER.info("asked to bill %s: %s, %s", answer.request.asked.customer, answer.outcome, answer.reason)
    unread = latest.reports[-1].unread if latest.reports else ()
    for rule, customer, why in unread[:UNREAD_SHOWN_MAX]:
        LOGGER.warning("rule %s cannot be read for %s: %s", rule.id.key, customer, why)
    if len(unread) > UNREAD_SHOWN_MAX:
        LOGGER.warning("%d more cannot be read", len(unread) - UNREAD_SHOWN_MAX)
