"""A compared control total as data, the same in every interface: decimals as texts, instants as RFC 3339."""

from __future__ import annotations

from tieout.flows.control_totals import ComparedTotal
from tieout.ingest.control_total import Accepted, ControlTotal
from tieout.kernel.instant import format_instant

Member = str | int | None | dict[str, int | str | None]


def control_total_document(found: ComparedTotal) -> dict[str, Member]:
    """`stands` is what was accepted and not taken back since. `difference` is accepted less stated, or what
    stands less stated where that is no fewer; totals are null where none was stated."""
    stated, comparison = found.stored.stated, found.comparison
    accepted, differs = comparison.accepted, comparison.total_difference
    return {
        "source": stated.source,
        "id": stated.id,
        "type": stated.type,
        "start": format_instant(stated.start),
        "end": format_instant(stated.end),
        "state": comparison.state.value,
        "stated": {"events": stated.events, "field": stated.field, "total": _total(stated)},
        "accepted": {"events": accepted.events, "total": _total(accepted)},
        "stands": {"events": accepted.standing.events, "total": _total(accepted.standing)},
        "difference": {
            "events": comparison.events_difference,
            "total": None if differs is None else str(differs),
        },
        "stated_at": format_instant(found.stored.stated_at),
        "stated_by": found.stored.stated_by,
    }


def _total(counted: ControlTotal | Accepted) -> str | None:
    return None if counted.total is None else str(counted.total)
