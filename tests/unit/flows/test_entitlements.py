"""Entitlements of a home: the figures are the close's, a hold stops use and no billing, and plans change
inside a period.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ruled_home import NOW, apply_rules, ruled_home, send
from tests.small_home import call
from tieout.flows import entitled_usage
from tieout.flows import entitlements as answering
from tieout.flows.apply_catalog import NoSuchCustomer
from tieout.flows.entitlements import EntitlementReader
from tieout.flows.follow_usage import UsageFollower
from tieout.flows.live_usage import LiveUsageReader
from tieout.flows.triggers import place_hold, release_hold
from tieout.gateways.clock import SteppedClock
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant, parse_instant
from tieout.kernel.quantity import Quantity
from tieout.trigger.entitlement import Entitlement, Reason
from tieout.wiring import Home

ACME = CustomerId("acme")
PLAN = """
[[plan]]
key = "basic"
version = {version}
effective_from = {since}
name = "Basic"
currency = "USD"
prices = {prices}
feature = [
  {{ key = "chat" }},
  {{ key = "export", enabled = false }},
  {{ key = "tokens", meter = "tokens", limit = "{limit}", kind = "{kind}" }},
  {{ key = "storage", meter = "stored", limit = "10", kind = "soft" }},
]
"""
ALL = '["fee-usd", "calls-usd", "tokens-usd", "stored-usd"]'
ALLOWANCE = """
[[price]]
key = "tokens-usd"
version = 2
effective_from = {since}
meter = "tokens"
currency = "USD"
description = "Tokens"
shape = "per_unit"
unit_amount = "0.002"
allowance = "3100"
"""

METERS = """
[[meter]]
key = "tokens"
version = 2
effective_from = 2026-01-15T00:00:00Z
definition = "Tokens, said anew."
owner = "product"
event = "api.call"
aggregation = "sum"
field = "tokens"
unit = "token"

[[meter]]
key = "stored"
version = 2
effective_from = 2026-01-15T00:00:00Z
definition = "The last size, said anew."
owner = "product"
event = "api.call"
aggregation = "last"
field = "gigabytes"
unit = "GB"
"""


def plan(version: int = 2, since: str = "2026-01-01T00:00:00Z", **more: str) -> str:
    given = {"prices": ALL, "limit": "1000", "kind": "hard", **more}
    return PLAN.format(version=version, since=since, **given)


@pytest.fixture(autouse=True)
def looks_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "LOOK_NANOSECONDS", 0)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[tuple[Home, SteppedClock]]:
    home, clock = ruled_home(tmp_path / "home", plan())
    with home:
        yield home, clock


def of(home: Home, feature: str, customer: str = "acme") -> Entitlement:
    (found,) = EntitlementReader(home).entitlements(CustomerId(customer), feature).features
    return found


def follow(home: Home) -> None:
    follower = UsageFollower(home)
    while follower.step() or not follower.is_settled:
        pass


def uncounted(*_: object, **__: object) -> None:
    raise AssertionError("it was counted over the log")


def test_figures_are_those_of_live_usage_kept_or_counted(
    opened: tuple[Home, SteppedClock], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, clock = opened
    send(home, clock, call(1, "acme", "2026-01-10T12:00:00Z", tokens=650, gigabytes="12.5"))
    counted = EntitlementReader(home).entitlements(ACME)
    follow(home)
    monkeypatch.setattr(entitled_usage, "read_log", uncounted)
    kept = EntitlementReader(home).entitlements(ACME)
    assert (kept.features, kept.watermark) == (counted.features, counted.watermark)
    assert [each.feature for each in kept.features] == ["chat", "export", "storage", "tokens"]
    assert [each.reason.value for each in kept.features] == ["ok", "not-in-plan", "over-soft-limit", "ok"]
    live = {each.meter: each.quantity for each in LiveUsageReader(home).usage(ACME).snapshots}  # type: ignore[union-attr]
    for each in kept.features:
        if each.metering is not None:
            assert each.metering.used == live[each.metering.meter]
    send(home, clock, call(2, "acme", "2026-01-11T12:00:00Z", tokens=350))
    follow(home)
    after = of(home, "tokens")
    assert (after.allowed, after.reason, after.remaining) == (False, Reason.LIMIT_REACHED, Quantity.of(0))
    assert after.until == parse_instant("2026-02-01T00:00:00Z")


def test_one_reader_sees_what_is_applied_placed_and_released(opened: tuple[Home, SteppedClock]) -> None:
    home, clock = opened
    reader = EntitlementReader(home)
    assert reader.entitlements(ACME, "chat").features[0].allowed
    held = place_hold(home, "acme", features=["chat"], person="Ada", reason="unpaid").hold
    again = place_hold(home, "acme", features=["chat"], person=" ada ", reason="unpaid")
    assert again.hold == held and not again.is_new, "one release ends it"
    assert reader.entitlements(ACME, "chat").features[0].holds == (held.id,)
    assert reader.entitlements(ACME, "tokens").features[0].allowed
    assert reader.entitlements(CustomerId("birch"), "chat").features[0].allowed
    release_hold(home, held.id, person="Ada", reason="paid")
    renewed = place_hold(home, "acme", features=["chat"], person="Ada", reason="unpaid")
    assert renewed.is_new, "the one before stands no more"
    release_hold(home, renewed.hold.id, person="Ada", reason="paid")
    assert reader.entitlements(ACME, "chat").features[0].reason is Reason.OK
    end = Instant(clock.now() + 60_000_000)
    place_hold(home, "acme", until=end, person="Ada", reason="a minute")
    assert reader.entitlements(ACME, "tokens").features[0].until == end
    clock.set_to(end)
    assert reader.entitlements(ACME, "tokens").features[0].reason is Reason.OK
    apply_rules(home, plan(3, "2026-01-15T00:00:00Z", limit="0"))
    assert reader.entitlements(ACME, "tokens").features[0].reason is Reason.LIMIT_REACHED


def test_a_limit_is_for_the_period_whatever_splits_its_prices(
    opened: tuple[Home, SteppedClock], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The price has a new version on the 15th, and from the 18th the plan has no price for tokens at all."""
    home, clock = opened
    apply_rules(home, ALLOWANCE.format(since="2026-01-15T00:00:00Z"))
    send(home, clock, call(1, "acme", "2026-01-10T12:00:00Z", tokens=500, gigabytes="4"))
    send(home, clock, call(2, "acme", "2026-01-16T12:00:00Z", tokens=300, gigabytes="4"))
    found = of(home, "tokens")
    assert found.metering is not None
    assert (found.metering.used, found.remaining) == (Quantity.of(800), Quantity.of(200))
    (left,) = found.metering.allowances
    assert left.included == Quantity.of(1700), "17 of 31 days"
    assert left.remaining == Quantity.of(1400), "300 of them used since"
    storage = of(home, "storage")
    assert storage.remaining == Quantity.of(6), "a level is not added up over parts"
    apply_rules(home, plan(3, "2026-01-18T00:00:00Z", prices='["fee-usd", "stored-usd"]'))
    send(home, clock, call(3, "acme", "2026-01-19T12:00:00Z", tokens=200))
    for _ in ("counted", "kept"):
        found = of(home, "tokens")
        assert found.metering is not None
        assert (found.metering.used, found.reason) == (Quantity.of(1000), Reason.LIMIT_REACHED)
        assert found.metering.allowances == (), "no price of now gives any"
        follow(home)
        monkeypatch.setattr(entitled_usage, "read_log", uncounted)


def test_where_a_meter_changes_sums_go_on_and_levels_begin_anew(opened: tuple[Home, SteppedClock]) -> None:
    home, clock = opened
    apply_rules(home, METERS)
    send(home, clock, call(1, "acme", "2026-01-10T12:00:00Z", tokens=500, gigabytes="4"))
    send(home, clock, call(2, "acme", "2026-01-16T12:00:00Z", tokens=300, gigabytes="3"))
    tokens, storage = of(home, "tokens"), of(home, "storage")
    assert (tokens.remaining, storage.remaining) == (Quantity.of(200), Quantity.of(7))


def test_who_is_not_there_and_what_is_not_there(opened: tuple[Home, SteppedClock]) -> None:
    home, clock = opened
    with pytest.raises(NoSuchCustomer, match="nobody"):
        of(home, "chat", "nobody")
    assert of(home, "teleport").reason is Reason.NOT_IN_PLAN
    clock.set_to(parse_instant("2025-12-20T00:00:00Z"))
    assert of(home, "chat").reason is Reason.NO_SUBSCRIPTION
    assert EntitlementReader(home).entitlements(ACME).features == ()
    clock.set_to(NOW)
    assert of(home, "chat").allowed
