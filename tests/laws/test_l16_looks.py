"""L16 from the log to the books: whatever the batches bring and take back, whenever somebody looks and dies
before anything is written, each crossing is recorded once, as the words of the rule say. A period that is
over is crossed by what comes late, once for each threshold. Counted a second time from the list of what was
sent.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.ruled_home import ALERT, HOLD, ruled_home, send
from tests.small_home import call
from tieout.flows.look_at_rules import look_to_head
from tieout.flows.retract_event import Decision, retract_event
from tieout.kernel.ids import Watermark
from tieout.kernel.instant import Instant, parse_instant
from tieout.ports.triggers import Look
from tieout.store.books.crossings import SqlTriggers
from tieout.wiring import Home

NOW = parse_instant("2026-02-10T12:00:00Z")
OVER, RUNNING = 1, 2
"""Months: events of January come late."""
Told = tuple[str, str, str, str, int, int, int]
"""Rule, customer, threshold, what, ordinal, batch, month."""

event = st.tuples(
    st.sampled_from(["acme", "birch"]),
    st.integers(0, 9),
    st.sampled_from([50, 150, 300]),
    st.sampled_from([OVER, RUNNING, RUNNING]),
)
action = st.one_of(
    st.tuples(st.just("batch"), st.lists(event, min_size=1, max_size=4)),
    st.tuples(st.just("retract"), st.integers(0, 9)),
    st.tuples(st.just("look"), st.just(None)),
    st.tuples(st.just("dies"), st.just(None)),
)


LATE_TWICE: list[tuple[str, object]] = [
    ("batch", [("acme", 1, 300, OVER)]),
    ("look", None),
    ("batch", [("acme", 2, 300, OVER), ("acme", 3, 50, RUNNING)]),
    ("dies", None),
    ("retract", 1),
    ("look", None),
    ("batch", [("acme", 4, 300, OVER)]),
]


class Died(Exception):
    """Between what was found and its commit."""


@dataclass
class Naive:
    """What was accepted, by first arrival, and what was told at the end of each batch."""

    events: dict[int, tuple[str, int, int]] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    crossed: dict[tuple[str, str, int, int], tuple[int, bool]] = field(
        default_factory=lambda: defaultdict(lambda: (0, True))
    )
    told: list[Told] = field(default_factory=list)

    def end_of(self, batch: int) -> None:
        """Every customer, touched or not."""
        for customer, month in product(("acme", "birch"), (OVER, RUNNING)):
            total = sum(
                tokens
                for name, (whose, tokens, when) in self.events.items()
                if (whose, when) == (customer, month) and name not in self.gone
            )
            for rule, thresholds in (("tokens", (300, 500)), ("stop", (400,))):
                for threshold in thresholds if rule == "tokens" or customer == "acme" else ():
                    ordinal, armed = self.crossed[rule, customer, threshold, month]
                    if armed and total >= threshold:
                        self._say(rule, customer, threshold, "crossed", ordinal + 1, batch, month)
                    elif not armed and total < threshold and month == RUNNING:
                        self._say(rule, customer, threshold, "rearmed", ordinal, batch, month)

    def _say(
        self, rule: str, customer: str, threshold: int, what: str, ordinal: int, batch: int, month: int
    ) -> None:
        self.crossed[rule, customer, threshold, month] = ordinal, what == "rearmed"
        self.told.append((rule, customer, str(threshold), what, ordinal, batch, month))


def recorded(home: Home) -> list[Told]:
    return [
        (
            each.change.rule.key,
            each.change.scope.customer,
            str(each.change.threshold),
            each.change.kind.value,
            each.change.ordinal,
            int(each.change.reading.watermark),
            OVER if each.change.scope.period.end <= NOW else RUNNING,
        )
        for each in home.books.triggers.changes_of(None)
    ]


@example(LATE_TWICE)
@given(st.lists(action, min_size=4, max_size=16))
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_each_crossing_of_each_batch_is_recorded_once(actions: list[tuple[str, object]]) -> None:
    naive = Naive()
    with tempfile.TemporaryDirectory() as folder:
        rules = ALERT.format(version=1, rearm="below", more="") + HOLD
        home, clock = ruled_home(Path(folder) / "home", rules, now=NOW)
        with home:
            look_to_head(home)
            for what, said in [*actions, ("look", None)]:
                head = home.log.head()
                if what == "batch":
                    assert isinstance(said, list)
                    rows = [
                        call(n, whose, f"2026-0{month}-05T12:00:00Z", tokens=size)
                        for whose, n, size, month in said
                    ]
                    send(home, clock, *rows)
                    for whose, name, size, month in said:
                        naive.events.setdefault(name, (whose, size, month))
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
            lifted = [each for each in recorded(home) if each[3::3] == ("rearmed", OVER)]
            assert {each[0] for each in lifted} <= {"stop"}, "once the running month is below"
            assert sorted(set(recorded(home)) - set(lifted)) == sorted(naive.told)
            assert len(recorded(home)) == len(naive.told) + len(lifted)
            batches = [each[5] for each in recorded(home)]
            assert batches == sorted(batches)
            standing = [each for each in home.books.triggers.holds() if each.stands_at(clock.now())]
            assert bool(standing) == (not naive.crossed["stop", "acme", 400, RUNNING][1])
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
        assert recorded(home) == [("tokens", "acme", "300", "crossed", 1, 2, OVER)]
        assert home.books.triggers.looked() == Watermark(2)
