"""May a customer use a feature now, and how much of it is left: from its plans, its holds, and what it used.

Nothing here reads a clock or a store. A refusal tells whoever asks; events that arrive all the same are
accepted and billed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tieout.contract.feature import LimitKind
from tieout.kernel.ids import MeterKey, PriceKey, SubscriptionId
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.kernel.quantity import QUANTITY_ZERO, Quantity


class Reason(StrEnum):
    """Why the answer is what it is. `unmeasurable`: there is a limit, and no engine can say what was used."""

    OK = "ok"
    NO_SUBSCRIPTION = "no-subscription"
    NOT_IN_PLAN = "not-in-plan"
    HELD = "held"
    LIMIT_REACHED = "limit-reached"
    OVER_SOFT_LIMIT = "over-soft-limit"
    UNMEASURABLE = "unmeasurable"


@dataclass(frozen=True, slots=True)
class AllowanceLeft:
    """What a price gives free of charge in the part of the period that runs now, in the price's unit; `used`
    None: it cannot be measured."""

    price: PriceKey
    part: Period
    included: Quantity
    used: Quantity | None
    unit: str

    @property
    def remaining(self) -> Quantity | None:
        """Negative by what is charged already."""
        return None if self.used is None else self.included - self.used


@dataclass(frozen=True, slots=True)
class Metering:
    """What one subscription used of a feature's meter in its billing `period`, counted from `since`; `used`
    None: it cannot be measured."""

    meter: MeterKey
    unit: str
    period: Period
    since: Instant
    used: Quantity | None
    allowances: tuple[AllowanceLeft, ...] = ()


@dataclass(frozen=True, slots=True)
class Grant:
    """A feature in the plan that one subscription is on now. Without `metering` it is a flag; `limit` is of
    the meter's unit."""

    subscription: SubscriptionId
    enabled: bool
    metering: Metering | None = None
    limit: Quantity | None = None
    kind: LimitKind | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A hold that stands. `features` empty: from all."""

    id: str
    features: tuple[str, ...]
    until: Instant | None

    def refuses(self, feature: str) -> bool:
        return not self.features or feature in self.features


@dataclass(frozen=True, slots=True)
class Entitlement:
    """The answer for one feature. What it does not depend on is None or empty: a flag has no limit, and a
    feature of no plan no subscriptions. `remaining` is limit less used, negative beyond it: nothing is
    clamped. `until`: when the reason ends by itself (the last of the holds, or the period of the limit).
    """

    feature: str
    allowed: bool
    reason: Reason
    subscriptions: tuple[SubscriptionId, ...] = ()
    metering: Metering | None = None
    limit: Quantity | None = None
    kind: LimitKind | None = None
    remaining: Quantity | None = None
    holds: tuple[str, ...] = ()
    until: Instant | None = None


def entitlement(
    feature: str, grants: Iterable[Grant], holds: Iterable[Held], *, subscribed: bool
) -> Entitlement:
    """`grants` are those of this feature by the subscriptions that run now; `subscribed`: whether any runs.

    Allowed where any of them allows it. Limits of one meter over one period add up, and its usage counts
    once, since all of them measure the same events.
    """
    held = tuple(each for each in holds if each.refuses(feature))
    ids = tuple(each.id for each in held)
    given = [grant for grant in grants if grant.enabled]
    if not given:
        reason = Reason.NOT_IN_PLAN if subscribed else Reason.NO_SUBSCRIPTION
        return Entitlement(feature, False, reason, holds=ids)
    best = max((_judged(feature, pool) for pool in _pools(given)), key=_worth)
    if not held:
        return best
    ends = [each.until for each in held]
    return Entitlement(
        feature,
        False,
        Reason.HELD,
        best.subscriptions,
        best.metering,
        best.limit,
        best.kind,
        best.remaining,
        ids,
        None if None in ends else max(end for end in ends if end is not None),
    )


def _pools(grants: Sequence[Grant]) -> list[list[Grant]]:
    """Grants that limit the same figure together, in order; flags are together."""
    pools: dict[tuple[MeterKey, Period] | None, list[Grant]] = {}
    for grant in grants:
        key = None if grant.metering is None else (grant.metering.meter, grant.metering.period)
        pools.setdefault(key, []).append(grant)
    return list(pools.values())


def _judged(feature: str, pool: Sequence[Grant]) -> Entitlement:
    subscriptions = tuple(grant.subscription for grant in pool)
    metering = _together([grant.metering for grant in pool if grant.metering is not None])
    limits = [grant.limit for grant in pool]
    if metering is None or None in limits:
        return Entitlement(feature, True, Reason.OK, subscriptions, metering)
    limit = sum((each for each in limits if each is not None), QUANTITY_ZERO)
    soft = any(grant.kind is LimitKind.SOFT for grant in pool)
    remaining = None if metering.used is None else limit - metering.used
    allowed, reason = _within(remaining, soft=soft)
    return Entitlement(
        feature,
        allowed,
        reason,
        subscriptions,
        metering,
        limit,
        LimitKind.SOFT if soft else LimitKind.HARD,
        remaining,
        until=metering.period.end,
    )


def _within(remaining: Quantity | None, *, soft: bool) -> tuple[bool, Reason]:
    """At a hard limit the next unit would be beyond it, and is refused; a soft one is passed when it was.

    Usage that cannot be measured is no zero: a hard limit refuses, since it promised not to be passed, and a
    soft one allows, since it would have allowed any figure.
    """
    if remaining is None:
        return soft, Reason.UNMEASURABLE
    if soft:
        return True, Reason.OVER_SOFT_LIMIT if remaining < QUANTITY_ZERO else Reason.OK
    return (True, Reason.OK) if remaining > QUANTITY_ZERO else (False, Reason.LIMIT_REACHED)


def _together(meterings: Sequence[Metering]) -> Metering | None:
    """The figure of who measures it longest, which has all of the others in it; free units of each."""
    if not meterings:
        return None
    first = min(meterings, key=lambda each: each.since)
    return Metering(
        first.meter,
        first.unit,
        first.period,
        first.since,
        first.used,
        tuple(each for metering in meterings for each in metering.allowances),
    )


def _worth(found: Entitlement) -> tuple[bool, bool, bool, int]:
    """Which answer stands where several figures limit one feature: what allows most."""
    remaining = 0 if found.remaining is None else found.remaining.atoms
    return found.allowed, found.reason is Reason.OK, found.limit is None, remaining
