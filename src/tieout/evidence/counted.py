"""The events of a lineage as they were counted from the stored rows, for the reproduction to judge by."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.aggregate.breakdown import TooManyGroups
from tieout.aggregate.recount import Recount
from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.window import UsageRequest
from tieout.kernel.ids import Position, Watermark
from tieout.kernel.quantity import QuantityOverflow, Unmeasurable


@dataclass(frozen=True, slots=True)
class Listed:
    """How many there are, and where those of the page lie, in position order."""

    total: int = 0
    positions: tuple[Position, ...] = ()


NONE_LISTED = Listed()


@dataclass(frozen=True, slots=True)
class Counted:
    """`recount` is None where there was no meter to count by, or its field holds no numbers (`problem`).
    `events` and `retracted` are those that the meter counts, or would but for their retraction, of the
    charge's group.
    """

    recount: Recount | None = None
    excluded_count: int = 0
    retracted_count: int = 0
    problem: str | None = None
    events: Listed = NONE_LISTED
    retracted: Listed = NONE_LISTED


def counted_snapshot(request: UsageRequest, watermark: Watermark, counted: Counted) -> Snapshot:
    """The snapshot that the count comes to. Raises what makes the usage `Unmeasurable`."""
    recount = counted.recount
    assert recount is not None, "the caller looked"
    if recount.refusal is not None:
        raise _refusal(recount.refusal, request.name)
    return Snapshot(
        meter=request.meter.key,
        meter_version=request.meter.version,
        meter_digest=request.meter.digest,
        unit=request.meter.unit,
        subscription=request.subscription,
        customer=request.customer,
        period=request.period,
        watermark=watermark,
        quantity=recount.quantity,
        event_count=recount.event_count,
        fingerprint=recount.fingerprint,
        excluded_count=counted.excluded_count,
        retracted_count=counted.retracted_count,
        breakdown=request.breakdown,
        groups=recount.groups,
        opening=recount.opening,
        conversion=request.meter.conversion,
    )


def _refusal(code: str, what: str) -> Unmeasurable:
    return TooManyGroups(what) if code == TooManyGroups.code else QuantityOverflow(what)
