"""The process that looks at alerts and charge controls while servers run."""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from tieout.flows.keep_looking import LookingRound, keep_looking
from tieout.wiring import open_home, storage_failure

LOGGER = logging.getLogger("tieout")
UNREAD_SHOWN_MAX = 5
"""Rules that could not be read of which one line of the log each tells; `tieout alert check` has them all."""


def run_looker(folder: Path, *, answers: bool) -> int:
    """Looks until SIGTERM; a look that dies is found again by the next. Returns the exit code."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="tieout: %(message)s")
    LOGGER.setLevel(logging.INFO)
    ended: list[int] = []
    parent = os.getppid()  # when the supervisor is gone, nobody would tell us to end

    def end(number: int, _: FrameType | None) -> None:
        ended.append(number)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    with open_home(folder) as home:
        try:
            keep_looking(home, stop=lambda: bool(ended) or os.getppid() != parent, told=tell, answers=answers)
        except Exception as error:
            refusal = storage_failure(error)
            if refusal is None:
                raise
            LOGGER.warning("rules are not looked at: %s", refusal)
            return refusal.exit_code  # the supervisor starts another
    return 0


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
