"""Gaps in the numbers that sources give their events: exact, and told as ranges.

A source takes part by sending numbers; there is nothing to declare. A number that came and waits in
quarantine, or contradicts an accepted event, is not missing.
"""

from __future__ import annotations

from tieout.flows.home import Home
from tieout.flows.known_sources import check_source
from tieout.ingest.sequence import SequenceGaps, SequenceRuns, sequence_gaps, sequence_of


def gaps(home: Home, *, source: str | None = None) -> tuple[SequenceGaps, ...]:
    """Of every source with an accepted event that has a number, or of one. Raises `UnknownSource`."""
    if source is not None:
        check_source(home, source)
    found = home.engine.sequence_runs(home.log.manifest(), source=source)
    if source is not None and not found:  # perhaps everything that it numbered was refused
        found = (SequenceRuns(source, (), (), 0, 0),)
    known = (sequence_gaps(runs, _refused(home, runs.source)) for runs in found)
    return tuple(each for each in known if each is not None)


def _refused(home: Home, source: str) -> list[int]:
    numbers = (sequence_of(raw) for raw in home.pipeline.not_accepted(source))
    return [number for number in numbers if number is not None]
