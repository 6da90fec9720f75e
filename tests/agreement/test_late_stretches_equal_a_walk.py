"""What may be late, told by a staircase of cutoffs: DuckDB over segments and tail agrees with a walk over
plain events and steps, one by one."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.agreement.stored_events import EDGE, SUBJECTS, Row, manifest_of, row
from tieout.aggregate.late import CutoffStep, cutoff_of, may_be_late, staircase
from tieout.engines.duckdb_late import late_stretches
from tieout.kernel.ids import Subject, Watermark
from tieout.kernel.instant import Instant

STEPS = st.lists(
    st.builds(
        CutoffStep,
        st.integers(0, 5).map(Watermark),
        st.integers(-1, 11).map(lambda edges: Instant(edges * EDGE)),
    ),
    max_size=6,
)


@st.composite
def many_rows(draw: st.DrawFn) -> list[Row]:
    return [draw(row(place)) for place in range(16)]


@given(steps=STEPS, time=st.integers(-2 * EDGE, 12 * EDGE).map(Instant), batch=st.integers(1, 6))
def test_a_staircase_says_of_each_event_what_all_its_steps_say(
    steps: list[CutoffStep], time: Instant, batch: int
) -> None:
    stairs = staircase(steps)
    sealed_with = [step.cutoff for step in steps if time < step.until]
    assert cutoff_of(stairs, time) == min(sealed_with, default=None)
    assert may_be_late(stairs, batch=batch, time=time) == any(batch > cutoff for cutoff in sealed_with)


@settings(max_examples=40, phases=(Phase.explicit, Phase.generate))
@given(stored=many_rows(), steps=STEPS, data=st.data())
def test_late_stretches_are_what_a_walk_over_the_events_finds(
    stored: list[Row], steps: list[CutoffStep], data: st.DataObject
) -> None:
    watermark = data.draw(st.sampled_from([4, 4, 3, 2, 0]))
    sealed_batches = data.draw(st.integers(0, watermark))
    chosen = data.draw(st.sampled_from([None, SUBJECTS[:1], SUBJECTS[1:], ()]))
    with tempfile.TemporaryDirectory() as folder:
        manifest = manifest_of(Path(folder), stored, sealed_batches=sealed_batches, watermark=watermark)
        found = late_stretches(steps, manifest, subjects=chosen, threads=1)
    walked: dict[tuple[Subject, Instant], list[tuple[Instant, int]]] = {}
    for event in (each.event for each in stored):
        over = [step for step in steps if event.time < step.until]
        if (
            event.position.batch <= watermark
            and (chosen is None or event.subject in chosen)
            and any(event.position.batch > step.cutoff for step in over)
        ):
            lowest = min(step.cutoff for step in over)
            until = max(step.until for step in over if step.cutoff == lowest)
            walked.setdefault((event.subject, until), []).append((event.time, event.position.batch))
    assert [(each.subject, each.first, each.last, each.batch) for each in found] == [
        (subject, min(seen)[0], max(seen)[0], max(batch for _, batch in seen))
        for (subject, _), seen in sorted(walked.items())
    ]
