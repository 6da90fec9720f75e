"""L8: live usage is what the close would count at the same watermark, whatever the batches brought, wherever
the process that follows was killed, and whatever was applied in the middle of the period.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from tests.faults.harness.effort import times
from tests.small_home import CATALOG, CUSTOMER, SIGNED_AT, ingest
from tieout.aggregate.measure import measure
from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.window import UsageRequest
from tieout.contract.retraction import RETRACTION_TYPE
from tieout.evidence.witness import Witness, meter_event, retraction_of
from tieout.flows import fold_batch, standing_plan
from tieout.flows.apply_catalog import apply_catalog, load_catalog
from tieout.flows.compact_log import compact_log
from tieout.flows.follow_usage import UsageFollower
from tieout.flows.home import Home
from tieout.flows.live_usage import LiveUsageReader
from tieout.flows.read_log import read_log
from tieout.gateways.clock import SteppedClock
from tieout.kernel.ids import CustomerId, EventType, Subject, Watermark
from tieout.kernel.instant import INSTANT_MAX, INSTANT_MIN, parse_instant
from tieout.kernel.period import Period
from tieout.kernel.quantity import Unmeasurable
from tieout.ports import LogManifest
from tieout.wiring import create_home, open_home

NOW = parse_instant("2026-01-20T12:00:00Z")
CUSTOMERS = ("acme", "birch")
SUBJECTS = ("key-acme", "key-birch", "key-shared", "key-nobody")
AGGREGATIONS = ("max", "min", "unique", "average", "time_weighted")
METER = """
[[meter]]
key = "{name}"
version = 1
effective_from = 2025-01-01T00:00:00Z
definition = "{name} of gigabytes."
owner = "product"
event = "api.call"
aggregation = "{name}"
field = "gigabytes"
unit = "GB"

[[price]]
key = "{name}-usd"
version = 1
effective_from = 2025-01-01T00:00:00Z
meter = "{name}"
currency = "USD"
description = "{name}"
shape = "per_unit"
unit_amount = "0.25"
"""
REGION = """[event.fields.region]
type = "string"
use = "context"
"""
SHARED = """
[[subject]]
key = "shared"
version = {version}
subjects = ["key-shared"]
customer = "{customer}"
from = {since}
"""
NEXT_METER = """
[[meter]]
key = "tokens"
version = 2
effective_from = 2026-01-15T00:00:00Z
definition = "Tokens anywhere."
owner = "product"
event = "api.call"
aggregation = "sum"
field = "tokens"
unit = "token"
dimensions = ["region"]
include_non_production = true
"""


def catalog_text() -> str:
    meters = "".join(METER.format(name=name) for name in AGGREGATIONS)
    listed = ", ".join(f'"{name}-usd"' for name in AGGREGATIONS)
    text = CATALOG.replace('"stored-usd"]', f'"stored-usd", {listed}]')
    text = text.replace("[event.fields.environment]", f"{REGION}[event.fields.environment]")
    text = text.replace('unit = "call"', 'unit = "call"\ndimensions = ["region"]')
    customers = [
        CUSTOMER.format(key="acme", zone="UTC", start="2026-01-01T00:00:00Z"),
        CUSTOMER.format(key="birch", zone="Asia/Kolkata", start="2026-01-05T10:20:30Z"),
    ]
    return text + meters + "".join(customers)


@st.composite
def event(draw: st.DrawFn) -> dict[str, object]:
    """Of few identities, so that duplicates, conflicts and retractions meet their targets."""
    name = f"e{draw(st.integers(0, 12))}"
    if draw(st.integers(0, 4)) == 0:
        return taken_back(name)
    data: dict[str, object] = {"tokens": draw(st.sampled_from([1, 7, 1000]))}
    if draw(st.integers(0, 3)):
        data["gigabytes"] = draw(st.sampled_from(["0", "1.5", "1.50", "-2", "7.000000000001"]))
    if draw(st.booleans()):
        data["region"] = draw(st.sampled_from(["eu", "us", ""]))
    if draw(st.booleans()):
        data["environment"] = draw(st.sampled_from(["production", "staging"]))
    return {
        "specversion": "1.0",
        "source": "gateway",
        "id": name,
        "type": "api.call",
        "subject": draw(st.sampled_from(SUBJECTS)),
        "time": draw(
            st.sampled_from(
                [
                    "2025-12-31T23:59:59Z",
                    "2026-01-01T00:00:00Z",
                    "2026-01-10T11:00:00Z",
                    "2026-01-14T23:59:59.999999Z",
                    "2026-01-15T00:00:00Z",
                    "2026-01-18T05:00:00Z",
                    "2026-01-20T11:59:00Z",
                ]
            )
        ),
        "data": data,
    }


def usual(name: str, subject: str = "key-acme", **data: object) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "source": "gateway",
        "id": name,
        "type": "api.call",
        "subject": subject,
        "time": "2026-01-10T11:00:00Z",
        "data": {"tokens": 7, "gigabytes": "1.5", "region": "eu", **data},
    }


def taken_back(name: str) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "source": "gateway",
        "id": f"{RETRACTION_TYPE}:{name}",
        "type": RETRACTION_TYPE,
        "subject": "key-acme",
        "time": "2026-01-20T10:00:00Z",
        "data": {"target_id": name, "reason": "wrong"},
    }


BEFORE_AND_AFTER: list[object] = [
    "follow",
    [usual("e1"), usual("e2", gigabytes="9"), usual("e3", environment="staging")],
    "follow",
    [taken_back("e2"), taken_back("e3"), taken_back("e4")],
    "follow",
    [usual("e4"), usual("e5", region="us"), usual("e2")],
    "kill",
    "follow",
]
"""Retracted after they came, before they came, and an excluded one; a resend changes nothing."""
MOVED: list[object] = [
    "remap",
    "follow",
    [usual("e1", "key-shared"), usual("e2", "key-shared")],
    "follow",
    "remap",
    [usual("e3", "key-shared")],
    "follow",
    [taken_back("e1")],
    "meter",
    "many",
    "follow",
]
"""A subject changes hands in the middle, and a meter its version."""
BATCH = st.lists(event(), min_size=1, max_size=6)
STEP = st.one_of(
    BATCH,
    BATCH,
    st.just("follow"),
    st.sampled_from(["kill", "follow", "compact", "remap", "meter", "lose", "many"]),
)


def definition(home: Home, requests: list[UsageRequest], watermark: Watermark) -> list[object]:
    """By plain Python over everything that the log holds."""
    catalog = load_catalog(home)
    ever = Period(INSTANT_MIN, INSTANT_MAX)
    types = frozenset({EventType("api.call")})
    subjects = {Subject(name): [ever] for name in SUBJECTS}
    stored = list(home.log.events(subjects, types, watermark=watermark))
    events = [
        meter_event(
            Witness(
                each.position,
                each.event,
                each.lane_a,
                each.lane_b,
                catalog.contracts.get(each.event.type, each.event.contract_version),
            )
        )
        for each in stored
    ]
    retractions = [
        retraction_of(Witness(each.position, each.event, each.lane_a, each.lane_b, None))
        for each in home.log.retractions(watermark=watermark)
    ]
    found: list[object] = []
    for request in requests:
        try:
            found.append(measure(request, events, watermark, retractions))
        except Unmeasurable as refusal:
            found.append(str(refusal))
    return found


def counting(
    home: Home, requests: list[UsageRequest]
) -> Callable[[LogManifest], list[Snapshot | Unmeasurable]]:
    return lambda manifest: home.engine.measure_each(requests, manifest)


def told(found: object) -> object:
    return str(found) if isinstance(found, Unmeasurable) else found


class Played:
    """A home whose live usage is followed by a process that may vanish between any two rounds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = SteppedClock(SIGNED_AT)
        self.home = create_home(folder, clock=self.clock)
        (folder / "papers").mkdir()
        self.apply(catalog_text())
        self.clock.set_to(NOW)
        self.follower: UsageFollower | None = UsageFollower(self.home)
        self.remaps = 0
        self.number = 0

    def apply(self, text: str) -> None:
        file = self.folder / "papers" / "more.toml"
        file.write_text(text)
        apply_catalog(self.home, file)

    def play(self, step: object) -> None:
        self.number += 1
        match step:
            case list():
                ingest(self.home, step, f"{self.number}.ndjson")
            case "many":  # one batch that is counted by the engine, not one by one
                ingest(self.home, [many(self.number, place) for place in range(9)], f"{self.number}.ndjson")
            case "kill":
                self.follower = None
            case "lose":
                self.follower = None
                for file in self.folder.glob("live-*"):
                    file.write_bytes(b"lost")
            case "compact":
                compact_log(self.home)
            case "remap":
                self.remaps += 1
                customer = CUSTOMERS[self.remaps % 2]
                since = ("2026-01-12T00:00:00Z", "2026-01-01T00:00:00Z")[self.remaps // 2 % 2]
                self.apply(SHARED.format(version=self.remaps, customer=customer, since=since))
            case "meter":
                self.apply(NEXT_METER)
            case _:
                self.follow()

    def follow(self) -> None:
        if self.follower is None:
            self.home.live.close()  # type: ignore[attr-defined] # as a new process would find it
            self.follower = UsageFollower(self.home)
        for _ in range(3):
            self.follower.step()

    def check(self) -> None:
        """Live = engine = definition, for every customer and request, at the watermark of the answer."""
        reader = LiveUsageReader(self.home)
        for customer in CUSTOMERS:
            live = reader.usage(CustomerId(customer))
            requests = [each.request for each in reader.plan(CustomerId(customer)).wanted]
            at = live.watermark
            expected = definition(self.home, requests, at)
            assert [told(each) for each in live.snapshots] == expected
            measured = read_log(self.home, counting(self.home, requests), watermark=at)
            assert [told(each) for each in measured] == expected
            grouped = reader.usage(CustomerId(customer), group_by=("region",))
            for whole, parts in zip(live.snapshots, grouped.snapshots, strict=True):
                if not isinstance(whole, Unmeasurable) and not isinstance(parts, Unmeasurable):
                    assert whole.quantity == parts.quantity
                    if parts.breakdown:
                        assert sum(group.quantity.atoms for group in parts.groups) == whole.quantity.atoms


def many(number: int, place: int) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "source": "gateway",
        "id": f"m{number}-{place}" if place < 6 else f"e{place}",
        "type": "api.call",
        "subject": SUBJECTS[place % 3],
        "time": f"2026-01-1{place}T08:00:00Z",
        "data": {"tokens": place, "gigabytes": f"{place}.25", "region": "eu"},
    }


@pytest.fixture(autouse=True)
def small_bounds(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(fold_batch, "ROWS_ONE_BY_ONE", 6)
    monkeypatch.setattr(standing_plan, "LOOK_NANOSECONDS", 0)
    yield


@settings(
    max_examples=times(quick=9, long=50),
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@example(steps=BEFORE_AND_AFTER)
@example(steps=MOVED)
@given(steps=st.lists(STEP, min_size=3, max_size=14))
def test_live_usage_equals_the_close_at_every_watermark(steps: list[object]) -> None:
    meters = [place for place, step in enumerate(steps) if step == "meter"]
    steps = [step for place, step in enumerate(steps) if step != "meter" or place == meters[0]]
    with tempfile.TemporaryDirectory() as folder:
        played = Played(Path(folder) / "home")
        with played.home:
            for step in steps:
                played.play(step)
                played.check()
            played.follow()
            played.check()
            reader = LiveUsageReader(played.home)
            for customer in CUSTOMERS:
                live = reader.usage(CustomerId(customer))
                assert live.kept and live.watermark == played.home.log.head(), "caught up, and all of it kept"
        with open_home(Path(folder) / "home", clock=SteppedClock(NOW)) as again:
            played.home = again
            played.check()
