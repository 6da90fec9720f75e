"""The identity index: what it consists of, and the one command that builds it again from the log."""

from __future__ import annotations

from collections.abc import Callable

from tieout.flows.home import Home
from tieout.ports import IndexStatus


def index_status(home: Home) -> IndexStatus:
    """From the headers of its files: whether their content is right, `verify` says."""
    return home.log.index_status()


def rebuild_index(home: Home, progress: Callable[[int, int], None] | None = None) -> IndexStatus:
    """To the same bytes, whatever is there now; `progress` takes (batches done, batches in all)."""
    return home.log.rebuild_index(progress)
