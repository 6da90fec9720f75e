"""L16: each crossing once, with the same id whenever it is found; counted a second time by hand."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tieout.contract.watching import Figure, Rearm, Watch
from tieout.kernel.ids import CustomerId, MeterKey, Watermark
from tieout.kernel.instant import parse_instant
from tieout.kernel.period import Period
from tieout.kernel.rational import Exact
from tieout.trigger.crossing import (
    Change,
    ChangeKind,
    Reading,
    RuleId,
    RuleKind,
    Scope,
    ThresholdState,
    changes,
)

AT = parse_instant("2026-03-05T00:00:00Z")
SCOPE = Scope(
    CustomerId("acme"), Period(parse_instant("2026-03-01T00:00:00Z"), parse_instant("2026-04-01T00:00:00Z"))
)
RULE = RuleId(RuleKind.ALERT, "near", 1)
figures = st.lists(st.integers(0, 12), max_size=40)


def watch_at(*at: int, rearm: Rearm, below: int | None = None, figure: Figure = Figure.USAGE) -> Watch:
    return Watch(
        figure,
        MeterKey("tokens"),
        None,
        tuple(Exact(each) for each in at),
        None,
        None,
        rearm,
        None if below is None else Exact(below),
    )


def read(value: int, position: int, whole: int | None = None) -> Reading:
    base = None if whole is None else Exact(whole)
    return Reading(Exact(value), base, "token", Watermark(position), AT)


def walked(
    watch: Watch, values: list[int], *, states: tuple[ThresholdState, ...] | None = None, first: int = 0
) -> tuple[tuple[ThresholdState, ...], list[Change]]:
    states = tuple(ThresholdState() for _ in watch.at) if states is None else states
    found: list[Change] = []
    for position, value in enumerate(values, first):
        states, changed = changes(RULE, watch, SCOPE, states, read(value, position))
        found += changed
    return states, found


def naive(values: list[int], threshold: int, rearm: Rearm, below: int | None) -> list[tuple[int, str]]:
    """(position, what) of each change, by the words of the rule."""
    found: list[tuple[int, str]] = []
    waits_for_crossing = True
    for position, value in enumerate(values):
        if waits_for_crossing and value >= threshold:
            found.append((position, "crossed"))
            waits_for_crossing = False
        elif not waits_for_crossing and rearm is Rearm.BELOW:
            line = threshold if below is None else below
            if value < line:
                found.append((position, "rearmed"))
                waits_for_crossing = True
    return found


@given(figures, st.sampled_from(Rearm), st.none() | st.integers(0, 4))
def test_each_threshold_is_crossed_as_often_as_the_words_say(
    values: list[int], rearm: Rearm, below: int | None
) -> None:
    watch = watch_at(4, 9, rearm=rearm, below=below)
    _, found = walked(watch, values)
    for threshold in (4, 9):
        ours = [
            (int(each.reading.watermark), each.kind.value)
            for each in found
            if each.threshold == Exact(threshold)
        ]
        assert ours == naive(values, threshold, rearm, below)
    assert len({each.id for each in found}) == len(found)


@given(figures, st.integers(0, 40), st.integers(0, 40))
def test_who_stops_and_looks_again_finds_the_same(values: list[int], stop: int, back: int) -> None:
    """A process that died after `stop` looks and lost the last `back` of them records nothing new."""
    watch = watch_at(5, rearm=Rearm.BELOW)
    _, whole = walked(watch, values)
    kept = max(0, min(stop, len(values)) - back)
    states, before = walked(watch, values[:kept])
    _, lost = walked(watch, values[kept:stop], states=states, first=kept)
    _, again = walked(watch, values[kept:], states=states, first=kept)
    assert {each.id for each in (*before, *lost, *again)} == {each.id for each in whole}
    assert [each.id for each in (*before, *again)] == [each.id for each in whole]


@given(st.integers(0, 300), st.integers(1, 300), st.integers(1, 200))
def test_percentages_are_exact(value: int, whole: int, percent: int) -> None:
    watch = watch_at(percent, rearm=Rearm.PERIOD)
    _, found = changes(RULE, watch, SCOPE, (ThresholdState(),), read(value, 1, whole))
    assert bool(found) == (value * 100 >= percent * whole)


@given(st.lists(st.integers(0, 40), max_size=20))
def test_the_days_of_a_contract_run_down(days: list[int]) -> None:
    watch = watch_at(7, 30, rearm=Rearm.PERIOD, figure=Figure.CONTRACT_END)
    _, found = walked(watch, days)
    for threshold in (7, 30):
        first = next((place for place, left in enumerate(days) if left <= threshold), None)
        ours = [int(each.reading.watermark) for each in found if each.threshold == Exact(threshold)]
        assert ours == ([] if first is None else [first])


def test_another_version_period_or_threshold_is_another_crossing() -> None:
    change = Change(RULE, SCOPE, Exact(5), 1, ChangeKind.CROSSED, read(5, 1))
    elsewhere = Scope(SCOPE.customer, Period(SCOPE.period.end, parse_instant("2026-05-01T00:00:00Z")))
    others = [
        replace(change, rule=replace(RULE, version=2)),
        replace(change, rule=replace(RULE, kind=RuleKind.CHARGE_CONTROL)),
        replace(change, scope=elsewhere),
        replace(change, threshold=Exact(6)),
        replace(change, ordinal=2),
        replace(change, kind=ChangeKind.REARMED),
    ]
    assert len({each.id for each in (change, *others)}) == 7
    assert replace(change, reading=read(9, 7)).id == change.id
