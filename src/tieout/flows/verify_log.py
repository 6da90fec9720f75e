"""Verify the log: everything it stores against what was chained when it was written."""

from __future__ import annotations

from collections.abc import Callable

from tieout.flows.home import Home
from tieout.ports import LogVerification


def verify_log(home: Home, progress: Callable[[int, int], None] | None = None) -> LogVerification:
    """Every finding by name; none means that the log is as it was written. Reads everything once."""
    return home.log.verify(progress)
