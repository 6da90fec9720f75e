"""[[subscription]]: key, version, effective_from, customer; [[subscription.phase]]: plan, plan_version,
from, until; [[subscription.coupon]]."""

from __future__ import annotations

from itertools import pairwise

from tieout.contract.reading.coupon import read_coupon_uses
from tieout.contract.reading.head import VERSION_MAX, Head
from tieout.contract.reading.table import TableReader
from tieout.contract.subscription import Phase, Subscription
from tieout.kernel.ids import CustomerId, PlanKey, SubscriptionId
from tieout.kernel.instant import format_instant
from tieout.kernel.limits import PHASES_MAX


def read_subscription(reader: TableReader, head: Head) -> Subscription:
    """At least one phase; phases are written in order and do not overlap. Only the last may lack `until`."""
    phases = tuple(_phase(inner) for inner in reader.tables("phase"))
    if not phases:
        reader.problem("phase", "is missing: a subscription has at least one phase")
    if len(phases) > PHASES_MAX:
        reader.problem("phase", f"has {len(phases)} phases; at most {PHASES_MAX} are allowed")
    for place, (before, after) in enumerate(pairwise(phases), start=1):
        if before.end is None or after.start < before.end:
            end = "is still open" if before.end is None else f"ends at {format_instant(before.end)}"
            start = format_instant(after.start)
            reader.problem(f"phase[{place}].from", f"{start} overlaps the phase before, which {end}")
    return Subscription(
        key=SubscriptionId(head.key),
        version=head.version,
        effective_from=head.effective_from,
        customer=CustomerId(reader.text("customer")),
        phases=phases,
        digest=head.digest,
        coupons=read_coupon_uses(reader),
    )


def _phase(reader: TableReader) -> Phase:
    phase = Phase(
        plan=PlanKey(reader.text("plan")),
        plan_version=reader.optional_integer("plan_version", minimum=1, maximum=VERSION_MAX),
        start=reader.instant("from"),
        end=reader.optional_instant("until"),
    )
    if phase.end is not None and phase.end <= phase.start:
        reader.problem("until", "is not after from")
    reader.finish()
    return phase
