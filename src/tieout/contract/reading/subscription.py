"""[[subscription]]: key, version, effective_from, customer; [[subscription.phase]]: plan, plan_version,
from, until, quantities, prices, trial, paused, prices_as_of, successor; [[subscription.coupon]];
[[subscription.commitment]]."""

from __future__ import annotations

from itertools import pairwise

from tieout.contract.reading.commitment import read_commitments
from tieout.contract.reading.coupon import read_coupon_uses
from tieout.contract.reading.head import VERSION_MAX, Head
from tieout.contract.reading.table import TableReader
from tieout.contract.subscription import Grandfathered, Phase, Subscription, Waiver
from tieout.kernel.ids import CustomerId, PlanKey, PriceKey, SubscriptionId
from tieout.kernel.instant import Instant, format_instant
from tieout.kernel.limits import PHASES_MAX
from tieout.kernel.quantity import QUANTITY_ZERO, Quantity


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
        commitments=read_commitments(reader),
    )


def _phase(reader: TableReader) -> Phase:
    start, end = reader.instant("from"), reader.optional_instant("until")
    phase = Phase(
        plan=PlanKey(reader.text("plan")),
        plan_version=reader.optional_integer("plan_version", minimum=1, maximum=VERSION_MAX),
        start=start,
        end=end,
        quantities=_quantities(reader),
        prices=_prices(reader),
        waived=_waiver(reader),
        grandfathered=_grandfathered(reader, start, end),
    )
    if end is not None and end <= start:
        reader.problem("until", "is not after from")
    reader.finish()
    return phase


def _quantities(reader: TableReader) -> tuple[tuple[PriceKey, Quantity], ...]:
    """`{ seat-fee = "5" }`: by key of the plan's flat price; zero is a quantity, a negative number is not."""
    inner = reader.table("quantities")
    found = []
    for key in sorted(inner.names) if inner is not None else ():
        assert inner is not None
        quantity = inner.quantity(key)
        if quantity is not None and quantity < QUANTITY_ZERO:
            inner.problem(key, f"{quantity} is negative")
        found.append((PriceKey(key), quantity or QUANTITY_ZERO))
    return tuple(found)


def _prices(reader: TableReader) -> tuple[tuple[PriceKey, PriceKey], ...]:
    """`{ calls = "calls-acme" }`: by key of the plan's price, the price in its place."""
    inner = reader.table("prices")
    if inner is None:
        return ()
    return tuple((PriceKey(key), PriceKey(inner.text(key))) for key in sorted(inner.names))


def _waiver(reader: TableReader) -> Waiver | None:
    trial, paused = reader.boolean("trial", default=False), reader.boolean("paused", default=False)
    if trial and paused:
        reader.problem("paused", "stands beside trial; a phase is one of the two")
    return "trial" if trial else "paused" if paused else None


def _grandfathered(reader: TableReader, start: Instant, end: Instant | None) -> Grandfathered | None:
    """Old prices are kept until an explicit end that names what follows; nothing is kept for ever."""
    as_of, successor = reader.optional_instant("prices_as_of"), reader.optional_text("successor")
    if as_of is None:
        if successor is not None:
            reader.problem("successor", "means nothing without prices_as_of")
        return None
    if as_of > start:
        reader.problem(
            "prices_as_of", f"is after from: until {format_instant(as_of)} nobody had those prices"
        )
    if end is None:
        reader.problem("until", "is missing: prices of the past are kept until an explicit end")
    if successor is None:
        reader.problem("successor", "is missing: name the plan of the phase that follows this one's end")
    return Grandfathered(as_of, PlanKey(successor or ""))
