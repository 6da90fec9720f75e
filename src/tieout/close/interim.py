"""What an interim invoice bills: metered usage so far, rated on the segments of the whole period.

So each of its charges has the scope of the final's, and the final takes it off. Left to the final: minimums,
fees, meters that weigh by time (what they come to depends on the rest of the period), and of commitments what
the end of a period or term decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from tieout.aggregate.snapshot import Snapshot
from tieout.balance.commitment import CommitmentLine, Role
from tieout.close.commitments import Committed, term_part
from tieout.close.segments import Segment
from tieout.contract.meter import Aggregation
from tieout.contract.subscription import Subscription
from tieout.invoice.earlier import EarlierLine, Scope, scope_of
from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.kernel.rational import Exact
from tieout.rate.charge import Charge, parse_group
from tieout.rate.commitment import PREFIX, commitment_charge
from tieout.rate.usage import billed_unit
from tieout.rate.withdrawn import withdrawn_charge

BY_USAGE = frozenset({Role.ROLLED_OVER, Role.DRAWDOWN, Role.OVERAGE, Role.CAP})
"""The lines of a commitment that usage alone decides: they take off what is prepaid or beyond a maximum."""
NOTHING_DRAWN = "usage as known now draws nothing"


class NoPlaceForEarlier(IntegrityViolation):
    """An interim invoice billed what the period holds no more; dropping its line would bill it for good."""

    code = "no-place-for-earlier"

    def __init__(self, scope: Scope, earlier: Sequence[EarlierLine]) -> None:
        lines = ", ".join(each.line for each in earlier)
        super().__init__(
            f"Interim line {lines} billed price {scope.price} of subscription {scope.subscription}, and the "
            "period does not hold that segment any more."
        )


def interim_segments(segments: Iterable[Segment], *, as_of: Instant) -> list[Segment]:
    """Those that have begun and whose usage so far can be told, marked as interim."""
    return [
        replace(segment, terms=replace(segment.terms, interim=True))
        for segment in segments
        if segment.meter is not None
        and segment.meter.aggregation is not Aggregation.TIME_WEIGHTED
        and segment.part.start <= as_of
    ]


def with_usage(charges: Iterable[Charge], earlier: Mapping[Scope, Sequence[EarlierLine]]) -> list[Charge]:
    """Those that say something: events stand behind them, or an earlier line that they take off."""
    return [
        charge
        for charge in charges
        if scope_of(charge) in earlier or (charge.snapshot is not None and charge.snapshot.event_count > 0)
    ]


def by_usage(commitments: Iterable[Committed]) -> list[Committed]:
    """What usage so far decides of them. Balances move with the final invoice only."""
    return [
        replace(
            found,
            charges=tuple(charge for charge in found.charges if _role(charge.price.key) in BY_USAGE),
            moved=(),
        )
        for found in commitments
    ]


def withdrawn(
    earlier: Mapping[Scope, Sequence[EarlierLine]],
    charges: Sequence[Charge],
    segments: Sequence[Segment],
    snapshots: Iterable[Snapshot],
    subscriptions: Iterable[Subscription],
    period: Period,
) -> list[Charge]:
    """A charge of zero for each earlier line that nothing asks for any more, so that it is given back.

    Raises `NoPlaceForEarlier`.
    """
    asked = {scope_of(charge) for charge in charges}
    left = [scope for scope in sorted(earlier) if scope not in asked]
    if not left:
        return []
    found = list(snapshots)
    agreed = {each.key: each for each in subscriptions}
    made = []
    for scope in left:
        if scope.price.startswith(PREFIX):
            charge = _no_commitment(scope, charges, agreed.get(scope.subscription), period)
        else:
            charge = _no_usage(scope, segments, found)
        if charge is None or scope_of(charge) != scope:
            raise NoPlaceForEarlier(scope, earlier[scope])
        made.append(charge)
    return made


def _no_usage(scope: Scope, segments: Sequence[Segment], snapshots: Sequence[Snapshot]) -> Charge | None:
    """The group whose last event was taken back."""
    for segment in segments:
        ours = (segment.subscription, segment.price.key, segment.part.start)
        if segment.meter is None or ours != (scope.subscription, scope.price, scope.segment_start):
            continue
        key = (segment.subscription, segment.meter.key, segment.meter.version, segment.part)
        snapshot = next(
            each
            for each in snapshots
            if (each.subscription, each.meter, each.meter_version, each.period) == key
        )
        return withdrawn_charge(
            segment.subscription,
            segment.price,
            plan=segment.plan.key,
            plan_version=segment.plan.version,
            snapshot=snapshot,
            period=segment.period,
            segment=segment.part,
            unit=billed_unit(snapshot),
            group=parse_group(scope.group or None),
            program=segment.program,
        )
    return None


def _no_commitment(
    scope: Scope, charges: Sequence[Charge], subscription: Subscription | None, period: Period
) -> Charge | None:
    """A commitment that usage so far drew, and does not draw any more."""
    key, _, role = scope.price.removeprefix(PREFIX).rpartition("/")
    of_subscription = [charge for charge in charges if charge.subscription == scope.subscription]
    commitment = next(
        (each for each in (subscription.commitments if subscription else ()) if each.key == key), None
    )
    if subscription is None or commitment is None or not of_subscription:
        return None
    plan = max(of_subscription, key=lambda charge: charge.segment.start)
    return commitment_charge(
        CommitmentLine(Role(role), Exact(0), NOTHING_DRAWN),
        commitment,
        subscription,
        plan=plan.plan,
        plan_version=plan.plan_version,
        currency=plan.price.currency,
        period=plan.period,
        segment=term_part(subscription, commitment, period) or period,
    )


def _role(price: str) -> Role:
    return Role(price.rpartition("/")[2])
