"""May a customer use a feature: each reason, several subscriptions, and figures that are not there."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.contract.feature import LimitKind
from tieout.kernel.ids import MeterKey, PriceKey, SubscriptionId
from tieout.kernel.instant import Instant, parse_instant
from tieout.kernel.period import Period
from tieout.kernel.quantity import Quantity
from tieout.trigger.entitlement import AllowanceLeft, Grant, Held, Metering, Reason, entitlement

JANUARY = Period(parse_instant("2026-01-01T00:00:00Z"), parse_instant("2026-02-01T00:00:00Z"))
YEAR = Period(JANUARY.start, parse_instant("2027-01-01T00:00:00Z"))
HARD, SOFT = LimitKind.HARD, LimitKind.SOFT
FLAG = Grant(SubscriptionId("main"), True)


def metered(
    used: str | None,
    limit: str | None = None,
    kind: LimitKind = HARD,
    *,
    of: str = "main",
    meter: str = "tokens",
    period: Period = JANUARY,
    since: Instant | None = None,
) -> Grant:
    quantity = None if used is None else Quantity.parse(used)
    metering = Metering(MeterKey(meter), "token", period, since or period.start, quantity)
    bound = None if limit is None else Quantity.parse(limit)
    return Grant(SubscriptionId(of), True, metering, bound, None if limit is None else kind)


@pytest.mark.parametrize(
    ("grants", "allowed", "reason", "remaining"),
    [
        ([FLAG], True, Reason.OK, None),
        ([replace(FLAG, enabled=False)], False, Reason.NOT_IN_PLAN, None),
        ([], False, Reason.NOT_IN_PLAN, None),
        ([metered("7")], True, Reason.OK, None),
        ([metered(None)], True, Reason.OK, None),
        ([metered("99.999999999999", "100")], True, Reason.OK, "0.000000000001"),
        ([metered("100", "100")], False, Reason.LIMIT_REACHED, "0"),
        ([metered("130", "100")], False, Reason.LIMIT_REACHED, "-30"),
        ([metered("0", "0")], False, Reason.LIMIT_REACHED, "0"),
        ([metered("100", "100", SOFT)], True, Reason.OK, "0"),
        ([metered("100.5", "100", SOFT)], True, Reason.OVER_SOFT_LIMIT, "-0.5"),
        ([metered(None, "100")], False, Reason.UNMEASURABLE, None),
        ([metered(None, "100", SOFT)], True, Reason.UNMEASURABLE, None),
    ],
)
def test_each_reason(grants: list[Grant], allowed: bool, reason: Reason, remaining: str | None) -> None:
    found = entitlement("f", grants, [], subscribed=True)
    assert (found.allowed, found.reason) == (allowed, reason)
    assert found.remaining == (None if remaining is None else Quantity.parse(remaining))


def test_nobody_without_a_subscription() -> None:
    found = entitlement("f", [], [Held("h", (), None)], subscribed=False)
    assert (found.allowed, found.reason, found.holds) == (False, Reason.NO_SUBSCRIPTION, ("h",))


def test_holds_refuse_what_they_name_and_say_until_when() -> None:
    soon, later = Instant(JANUARY.start + 1), JANUARY.end
    some, everything = Held("a", ("f",), soon), Held("b", (), later)
    other, endless = Held("c", ("g",), None), Held("d", ("f", "g"), None)
    found = entitlement("f", [metered("1", "5")], [some, everything, other], subscribed=True)
    assert (found.allowed, found.reason, found.holds) == (False, Reason.HELD, ("a", "b"))
    assert found.until == later, "the last one"
    assert found.remaining == Quantity.of(4), "what is left is still told"
    assert entitlement("f", [FLAG], [some, endless], subscribed=True).until is None
    assert entitlement("f", [FLAG], [other], subscribed=True).allowed
    refused = entitlement("f", [], [everything], subscribed=True)
    assert refused.reason is Reason.NOT_IN_PLAN, "no release would give it"


def test_limits_of_one_meter_and_period_add_up_and_usage_counts_once() -> None:
    later = Instant(JANUARY.start + 5)
    both = [metered("60", "50", of="addon", since=later), metered("120", "100")]
    found = entitlement("f", both, [], subscribed=True)
    assert (found.allowed, found.limit, found.remaining) == (True, Quantity.of(150), Quantity.of(30))
    assert found.subscriptions == ("addon", "main")
    assert found.metering is not None
    assert found.metering.used == Quantity.of(120), "who measures longest has the rest in it"
    assert found.until == JANUARY.end
    soft = [metered("160", "50", SOFT, of="addon"), metered("160", "100")]
    assert entitlement("f", soft, [], subscribed=True).reason is Reason.OVER_SOFT_LIMIT
    free = [metered("160", None, of="addon"), metered("160", "100")]
    assert entitlement("f", free, [], subscribed=True).reason is Reason.OK


def test_one_subscription_that_allows_is_enough() -> None:
    full = metered("100", "100")
    by_year = metered("300", "1000", of="yearly", period=YEAR)
    other_meter = metered("3", "4", of="second", meter="calls")
    for more in (by_year, other_meter, FLAG):
        found = entitlement("f", [full, more], [], subscribed=True)
        assert (found.allowed, found.reason) == (True, Reason.OK)
    found = entitlement("f", [full, by_year, other_meter], [], subscribed=True)
    assert found.limit == Quantity.of(1000), "what leaves most"
    assert not entitlement("f", [full, replace(FLAG, enabled=False)], [], subscribed=True).allowed


def test_free_units_go_negative_where_they_are_used_up() -> None:
    left = AllowanceLeft(PriceKey("p"), JANUARY, Quantity.of(10), Quantity.of(12), "token")
    assert left.remaining == Quantity.of(-2)
    assert replace(left, used=None).remaining is None


@given(
    st.integers(-50, 250), st.lists(st.tuples(st.integers(0, 120), st.sampled_from([HARD, SOFT])), min_size=1)
)
def test_more_limit_never_refuses_what_less_allowed(used: int, limits: list[tuple[int, LimitKind]]) -> None:
    grants = [metered(str(used), str(limit), kind, of=f"s{n}") for n, (limit, kind) in enumerate(limits)]
    whole = entitlement("f", grants, [], subscribed=True)
    assert whole.allowed == (used < sum(limit for limit, _ in limits) or any(k is SOFT for _, k in limits))
    for grant in grants:
        if entitlement("f", [grant], [], subscribed=True).allowed:
            assert whole.allowed
