"""L8 for looks at the rules: the figures at the end of every batch are what the log counts there, whatever
the batches bring and take back, however many a look takes in, and whoever begins anew. And they cost what the
batch touched: the log is not counted again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from tests.laws.test_l8_live_usage import BEFORE_AND_AFTER, MOVED, STEP, Played, counting, told, usual
from tieout.flows import fold_batch, look_at_rules, look_figures, standing_plan
from tieout.flows.home import Home
from tieout.flows.look_at_rules import look_to_head
from tieout.flows.look_figures import LookFigures
from tieout.flows.read_log import read_log
from tieout.flows.usage_readings import Read, Unread
from tieout.kernel.ids import CustomerId, Watermark
from tieout.kernel.instant import Instant

METERS = ("calls", "tokens", "stored", "max", "min", "unique", "average", "time_weighted")
ALERT = """
[[alert]]
key = "of-{meter}"
version = 1
effective_from = 2026-01-01T00:00:00Z
name = "Much of {meter}"
everyone = true
watch = "usage"
meter = "{meter}"
at = ["2", "1000"]
rearm = "below"
"""


class Compared(LookFigures):
    """Counts everything that it reads a second time, over the whole log."""

    def __init__(self, home: Home) -> None:
        super().__init__(home)
        self.counted_home = home
        self.read_at: list[Watermark] = []

    def read(
        self, customers: Iterable[CustomerId], at: Instant, *, key: str | None = None
    ) -> tuple[list[Read], list[Unread]]:
        named = list(customers)
        found = super().read(named, at, key=key)
        wanted = [each for one in self._asked(named, at)[0] for each in one.wanted]
        answers = self._held.answers(wanted)
        requests = [each.request for each in wanted]
        counted = read_log(
            self.counted_home, counting(self.counted_home, requests), watermark=self._held.watermark
        )
        for each, one in zip(wanted, counted, strict=True):
            assert told(answers[each.digest]) == told(one)
        self.read_at.append(self._held.watermark)
        return found


@pytest.fixture(autouse=True)
def small_bounds(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(fold_batch, "ROWS_ONE_BY_ONE", 6)
    monkeypatch.setattr(look_at_rules, "ROWS_PER_LOOK", 12)
    monkeypatch.setattr(standing_plan, "LOOK_NANOSECONDS", 0)
    yield


@settings(
    max_examples=8,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@example(steps=["look", *BEFORE_AND_AFTER, "look"])
@example(steps=["look", "follow", *MOVED])
@given(steps=st.lists(st.one_of(STEP, st.sampled_from(["look", "restart"])), min_size=4, max_size=12))
def test_a_look_reads_what_the_log_counts_at_each_batch(steps: list[object]) -> None:
    meters = [place for place, step in enumerate(steps) if step == "meter"]
    steps = [step for place, step in enumerate(steps) if step != "meter" or place == meters[0]]
    with tempfile.TemporaryDirectory() as folder:
        played = Played(Path(folder) / "home")
        with played.home:
            played.apply("".join(ALERT.format(meter=meter) for meter in METERS))
            figures = Compared(played.home)
            look_to_head(played.home, figures=figures)
            seen = played.home.log.head()
            for place, step in enumerate([*steps, "look"]):
                if step == "look":
                    figures.read_at.clear()
                    look_to_head(played.home, everyone=place % 3 == 0, figures=figures)
                    assert set(range(seen + 1, played.home.log.head() + 1)) <= set(figures.read_at)
                    seen = played.home.log.head()
                elif step == "restart":
                    figures = Compared(played.home)
                else:
                    played.play(step)


def test_a_batch_is_not_counted_over_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Watermark | None] = []

    def counted(home: Home, compute: object, *, watermark: Watermark | None = None) -> object:
        asked.append(watermark)
        return read_log(home, compute, watermark=watermark)  # type: ignore[arg-type]

    monkeypatch.setattr(look_figures, "read_log", counted)
    folding = [meter for meter in METERS if meter != "time_weighted"]
    played = Played(tmp_path / "home")
    with played.home:
        played.apply("".join(ALERT.format(meter=meter) for meter in folding))
        figures = LookFigures(played.home)
        look_to_head(played.home, figures=figures)
        asked.clear()
        for number in range(3):
            played.play([usual(f"b{number}-{place}") for place in range(8)])
            played.play([usual(f"s{number}")])
        reports = look_to_head(played.home, figures=figures)
        assert any(report.changes for report in reports) and not asked, "whom it met before it holds"

        played.follow()
        assert played.home.live.mark().watermark == played.home.log.head()  # type: ignore[union-attr]
        look_to_head(played.home)
        assert not asked, "and who begins anew takes what live usage keeps at the same watermark"
