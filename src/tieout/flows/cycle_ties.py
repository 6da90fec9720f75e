"""What holds every invoice of a cycle, found once a close and cutoff: the log's own tie, sources' statements,
their numbers, and open alerts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tieout.close.reconcile_cycle import (
    NOTHING_HELD,
    CycleBreak,
    CycleTies,
    Passed,
    alert_break,
    gap_break,
    total_break,
)
from tieout.close.reconcile_log import disposition_breaks
from tieout.flows.home import Home
from tieout.flows.read_log import read_log
from tieout.flows.waivers import StandingWaivers, numbers_statement, total_statement
from tieout.ingest.control_total import TotalState, compare
from tieout.ingest.sequence import Range, SequenceGaps, sequence_gaps, sequence_of
from tieout.invoice.waived import Waived
from tieout.kernel.ids import Watermark
from tieout.kernel.instant import INSTANT_MAX, INSTANT_MIN, Instant
from tieout.kernel.period import Period
from tieout.ports import LogManifest

Found = list[CycleBreak | Passed]


def cycle_ties(home: Home, periods: Sequence[Period], *, cutoff: Watermark, now: Instant) -> CycleTies:
    """As of the cutoff, for accounts of these periods. Looks at nothing where there is none."""
    if not periods:
        return NOTHING_HELD
    waivers = StandingWaivers(home)
    found: Found = []
    found += [CycleBreak(each) for each in _log_breaks(home, cutoff)]
    found += _totals(home, periods, waivers, cutoff=cutoff, now=now)
    found += _gaps(home, periods, waivers, cutoff=cutoff)
    for alert in home.pipeline.open_alerts():
        held = alert_break(alert.id, alert.shift, cutoff_at=now)
        if held is not None and any(held.touches(period) for period in periods):
            found.append(held)
    return CycleTies(
        tuple(each for each in found if isinstance(each, CycleBreak)),
        tuple(each for each in found if isinstance(each, Passed)),
    )


def _log_breaks(home: Home, cutoff: Watermark):  # type: ignore[no-untyped-def] # a list of breaks
    told = home.log.dispositions(cutoff)
    differing = read_log(
        home, lambda manifest: home.engine.differing_dispositions(told, manifest), watermark=cutoff
    )
    return disposition_breaks(differing)


def _totals(
    home: Home,
    periods: Sequence[Period],
    waivers: StandingWaivers,
    *,
    cutoff: Watermark,
    now: Instant,
) -> Found:
    stored = [
        each.stated
        for each in home.pipeline.control_totals(source=None)
        if any(Period(each.stated.start, each.stated.end).overlaps(period) for period in periods)
    ]
    if not stored:
        return []
    accepted = read_log(home, lambda manifest: home.engine.source_totals(stored, manifest), watermark=cutoff)
    found: Found = []
    for stated, counted in zip(stored, accepted, strict=True):
        comparison = compare(stated, counted, now=now)
        if comparison.state is not TotalState.DIFFERS:
            continue
        waived = waivers.standing(total_statement(comparison))
        window = Period(stated.start, stated.end)
        found.append(total_break(comparison) if waived is None else Passed(waived, window))
    return found


def _gaps(home: Home, periods: Sequence[Period], waivers: StandingWaivers, *, cutoff: Watermark) -> Found:
    def look(manifest: LogManifest) -> list[tuple[SequenceGaps, list[tuple[Range, Period]]]]:
        looked = []
        for runs in home.engine.sequence_runs(manifest, source=None):
            numbers = (sequence_of(raw) for raw in home.pipeline.not_accepted(runs.source))
            gaps = sequence_gaps(runs, [number for number in numbers if number is not None])
            if gaps is not None and gaps.missing:
                looked.append((gaps, windows_of(home, manifest, gaps)))
        return looked

    found: Found = []
    for gaps, windows in read_log(home, look, watermark=cutoff):
        held: list[tuple[Range, Period]] = []
        for numbers, window in windows:
            if not any(window.overlaps(period) for period in periods):
                continue
            waived: Waived | None = waivers.standing(numbers_statement(gaps.source, numbers))
            if waived is None:
                held.append((numbers, window))
            else:
                found.append(Passed(waived, window))
        if held:
            found.append(gap_break(gaps.source, held))
    return found


def windows_of(home: Home, manifest: LogManifest, gaps: SequenceGaps) -> list[tuple[Range, Period]]:
    """For each range that never came the time between the accepted events before and after it; where there
    is none, time without an end."""
    edges = [_neighbours(gaps, numbers) for numbers in gaps.missing]
    asked = sorted({edge for pair in edges for edge in pair if edge is not None})
    times = home.engine.times_of_numbers(manifest, source=gaps.source, numbers=asked)
    return [
        (numbers, _window(times, before, after))
        for numbers, (before, after) in zip(gaps.missing, edges, strict=True)
    ]


def _neighbours(gaps: SequenceGaps, numbers: Range) -> tuple[int | None, int | None]:
    first, last = numbers
    before = max((end for _, end in gaps.accepted if end < first), default=None)
    after = min((start for start, _ in gaps.accepted if start > last), default=None)
    return before, after


def _window(times: Mapping[int, tuple[Instant, Instant]], before: int | None, after: int | None) -> Period:
    """Sources need not send in order of time, so the window spans both neighbours whole."""
    known = [time for edge in (before, after) if edge in times for time in times[edge]]  # type: ignore[index] # `in` told
    start = INSTANT_MIN if before is None or not known else min(known)
    end = INSTANT_MAX if after is None or not known else Instant(max(known) + 1)
    return Period(Instant(start), Instant(end))
