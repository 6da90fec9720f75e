"""Verify kept results of replays: the text of each is as it was kept, and none is gone from between."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tieout.flows.home import Home
from tieout.flows.replay_results import read_kept
from tieout.ports import LogFinding
from tieout.replay.result import MalformedResult

REPLAY_RESULT: Final = "replay result"


def replay_result_findings(home: Home) -> Iterator[LogFinding]:
    last = 0
    for kept in home.books.replay_results.all():
        if kept.number != last + 1:
            yield LogFinding(REPLAY_RESULT, str(last + 1), f"it is missing: {kept.number} follows on {last}")
        last = kept.number
        try:
            read_kept(kept)
        except MalformedResult as error:
            yield LogFinding(REPLAY_RESULT, str(kept.number), error.why)
