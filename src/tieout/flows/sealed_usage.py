"""Usage that a sealed invoice holds already: no other subscription may bill it again.

A subject that moves to another customer after a seal would otherwise carry its sealed usage along.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tieout.aggregate.window import ClippedSpan, UsageRequest
from tieout.close.breaks import Break, BreakClass, events_size
from tieout.evidence.lineage import parse_lineage
from tieout.evidence.stored import StoredSnapshot
from tieout.kernel.ids import MeterKey, Subject
from tieout.kernel.instant import format_instant

TIE_SEALED_ONCE = "usage = usage not sealed before"
SEALED_ONCE_ACTION = (
    "give the subject to its new customer from the end of the sealed period on, or wait for corrections"
)

SealedSpans = Mapping[tuple[MeterKey, Subject], Sequence[tuple[ClippedSpan, StoredSnapshot]]]
"""What is sealed, by meter and subject."""


def sealed_spans(snapshots: Iterable[StoredSnapshot]) -> SealedSpans:
    """The spans behind the snapshots, by lineage. Raises `MalformedLineage`."""
    found: dict[tuple[MeterKey, Subject], list[tuple[ClippedSpan, StoredSnapshot]]] = {}
    for stored in snapshots:
        for span in parse_lineage(stored.event_type, stored.predicate).spans:
            found.setdefault((stored.meter, span.subject), []).append((span, stored))
    return found


def sealed_twice(requests: Iterable[UsageRequest], sealed: SealedSpans) -> list[Break]:
    """Where a request covers time of a subject that another subscription's sealed snapshot of the meter
    holds.
    """
    return [
        Break(
            TIE_SEALED_ONCE,
            "each subject's usage billed once",
            f"{request.name}: subject {span.subject} from {format_instant(max(span.start, other.start))} "
            f"is in snapshot {stored.id} of invoice {stored.invoice}, subscription {stored.subscription}",
            SEALED_ONCE_ACTION,
            kind=BreakClass.DUPLICATE,
            size=f"up to {events_size(stored.event_count)}",
        )
        for request in requests
        for span in request.spans
        for other, stored in sealed.get((request.meter.key, span.subject), ())
        if stored.subscription != request.subscription and span.start < other.end and other.start < span.end
    ]
