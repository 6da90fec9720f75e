"""L16 from the log to the books: whatever the batches bring and take back, whenever somebody looks and dies
before anything is written, each crossing is recorded once, as the words of the rule say. Counted a second
time from the list of what was sent.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ruled_home import ALERT, HOLD, ruled_home, send
from tests.small_home import call
from tieout.flows.look_at_rules import look_to_head
from tieout.flows.retract_event import Decision, retract_event
from tieout.kernel.ids import Watermark
from tieout.kernel.instant import Instant
from tieout.ports.triggers import Look
from tieout.store.books.crossings import SqlTriggers
from tieout.wiring import Home

Told = tuple[str, str, str, str, int, int]
"""Rule, customer, threshold, what, ordinal, batch."""

event = st.tuples(st.sampled_from(["acme", "birch"]), st.integers(0, 9), st.sampled_from([50, 150, 300]))
action = st.one_of(
    st.tuples(st.just("batch"), st.lists(event, min_size=1, max_size=4)),
    st.tuples(st.just("retract"), st.integers(0, 9)),
    st.tuples(st.just("look"), st.just(None)),
    st.tuples(st.just("dies"), st.just(None)),
)


class Died(Exception):
    """Between what was found and its commit."""


@dataclass
class Naive:
    """What was accepted, by first arrival, and what was told at the end of each batch."""

    events: dict[int, tuple[str, int]] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    crossed: dict[tuple[str, str, int], tuple[int, bool]] = field(
        default_factory=lambda: defaultdict(lambda: (0, True))
    )
    told: list[Told] = field(default_factory=list)

    def end_of(self, batch: int) -> None:
        """Every customer, touched or not."""
        for customer in ("acme", "birch"):
            total = sum(
                tokens
                for name, (whose, tokens) in self.events.items()
                if whose == customer and name not in self.gone
            )
            for rule, thresholds in (("tokens", (300, 500)), ("stop", (400,))):
                for threshold in thresholds if rule == "tokens" or customer == "acme" else ():
                    ordinal, armed = self.crossed[rule, customer, threshold]
                    if armed and total >= threshold:
                        self._say(rule, customer, threshold, "crossed", ordinal + 1, batch)
                    elif not armed and total < threshold:
                        self._say(rule, customer, threshold, "rearmed", ordinal, batch)

    def _say(self, rule: str, customer: str, threshold: int, what: str, ordinal: int, batch: int) -> None:
        self.crossed[rule, customer, threshold] = ordinal, what == "rearmed"
        self.told.append((rule, customer, str(threshold), what, ordinal, batch))


def recorded(home: Home) -> list[Told]:
    return [
        (
            each.change.rule.key,
            each.change.scope.customer,
            str(each.change.threshold),
            each.change.kind.value,
            each.change.ordinal,
            int(each.change.reading.watermark),
        )
        for each in home.books.triggers.changes_of(None)
    ]


@given(st.lists(action, min_size=4, max_size=16))
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_each_crossing_of_each_batch_is_recorded_once(actions: list[tuple[str, object]]) -> None:
    naive = Naive()
    with tempfile.TemporaryDirectory() as folder:
        rules = ALERT.format(version=1, rearm="below", more="") + HOLD
        home, clock = ruled_home(Path(folder) / "home", rules)
        with home:
            look_to_head(home)
            for what, said in [*actions, ("look", None)]:
                head = home.log.head()
                if what == "batch":
                    assert isinstance(said, list)
                    rows = [call(n, whose, "2026-01-10T12:00:00Z", tokens=size) for whose, n, size in said]
                    send(home, clock, *rows)
                    for whose, name, size in said:
                        naive.events.setdefault(name, (whose, size))
                elif what == "retract" and said in naive.events and said not in naive.gone:
                    assert isinstance(said, int)
                    clock.set_to(Instant(clock.now() + 1_000_000))
                    retract_event(home, source="gateway", event_id=f"e{said}", decision=Decision("x", "Ada"))
                    naive.gone.add(said)
                elif what == "look":
                    look_to_head(home, everyone=False)
                elif what == "dies":
                    dies(home)
                if home.log.head() != head:
                    naive.end_of(home.log.head())
            assert sorted(recorded(home)) == sorted(naive.told)
            assert [each[5] for each in recorded(home)] == sorted(each[5] for each in naive.told)
            standing = [each for each in home.books.triggers.holds() if each.stands_at(clock.now())]
            assert bool(standing) == (not naive.crossed["stop", "acme", 400][1])
            crossed = [each for each in naive.told if each[3] == "crossed" and each[0] == "tokens"]
            told = [
                each for each in home.books.notices.unrouted(1_000) if each.notice.kind == "alert.crossed"
            ]
            assert len(told) == len(crossed)


def dies(home: Home) -> None:
    """Nothing of what was found is written."""
    real = SqlTriggers.record

    def never(_self: SqlTriggers, _look: Look, *, at: Instant) -> None:
        raise Died(at)

    SqlTriggers.record = never  # type: ignore[method-assign]
    try:
        look_to_head(home, everyone=False)
    except Died:
        pass
    finally:
        SqlTriggers.record = real  # type: ignore[method-assign]


def test_the_first_look_does_not_go_back_and_finds_what_is_there(tmp_path: Path) -> None:
    rules = ALERT.format(version=1, rearm="period", more="")
    home, clock = ruled_home(tmp_path / "home", rules)
    with home:
        send(home, clock, call(1, "acme", "2026-01-10T12:00:00Z", tokens=350))
        send(home, clock, call(2, "acme", "2026-01-10T12:00:00Z", tokens=10))
        (report,) = look_to_head(home)
        assert report.since is None
        assert recorded(home) == [("tokens", "acme", "300", "crossed", 1, 2)]
        assert home.books.triggers.looked() == Watermark(2)
