"""Control totals: a source states what it sent, and each look compares that with what is accepted by now.

Only the statement is stored. The comparison is made anew each time, so it is right after more has arrived.
"""

from __future__ import annotations

from dataclasses import dataclass

from tieout.contract.catalog import Catalog
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.home import Home
from tieout.flows.known_sources import check_source
from tieout.flows.pipeline_alerts import NAME_LENGTH_MAX, checked_line
from tieout.ingest.control_total import (
    Comparison,
    ControlTotal,
    MalformedControlTotal,
    TotalState,
    compare,
    parse_events,
    parse_total,
)
from tieout.kernel.errors import ConflictError, NotFound, shown
from tieout.kernel.ids import EventType
from tieout.kernel.instant import parse_instant
from tieout.ports import StoredControlTotal


class UnknownEventType(NotFound):
    """No contract of the catalog is about this type, so nothing of it is ever accepted."""

    code = "unknown-event-type"

    def __init__(self, event_type: str) -> None:
        super().__init__(f"The catalog has no event type {shown(event_type)}.")


class ControlTotalConflict(ConflictError):
    """The source stated something else under the same id; the first statement stays."""

    code = "control-total-conflict"

    def __init__(self, stored: ControlTotal) -> None:
        total = "" if stored.total is None else f" and {stored.field} of {stored.total}"
        super().__init__(
            f"{stored.source} has stated {stored.id} otherwise: {stored.events} events{total}; "
            "a statement stays as it is, a corrected one has another id."
        )


@dataclass(frozen=True, slots=True)
class ComparedTotal:
    """A statement beside what is accepted now."""

    stored: StoredControlTotal
    comparison: Comparison


def state_control_total(home: Home, stated: ControlTotal, *, by: str) -> ComparedTotal:
    """Stores the statement and compares it. The same statement again changes nothing.

    Raises `UnknownEventType`, `MalformedControlTotal` or `ControlTotalConflict`.
    """
    name = checked_line("name", by, NAME_LENGTH_MAX)
    _check_promised(load_catalog(home), stated)
    stored = home.pipeline.state_total(stated, at=home.clock.now(), by=name)
    if stored.stated != stated:
        raise ControlTotalConflict(stored.stated)
    return _compared(home, (stored,))[0]


def control_total(
    *,
    source: str,
    id: str,
    type: str,
    start: str,
    end: str,
    events: str,
    field: str | None,
    total: str | None,
) -> ControlTotal:
    """A statement from its texts, as a person or a request writes them.

    `start` and `end` are RFC 3339, `events` and `total` plain decimals. Raises `MalformedControlTotal` or
    `MalformedInstant`.
    """
    return ControlTotal(
        source=source,
        id=id,
        type=EventType(type),
        start=parse_instant(start),
        end=parse_instant(end),
        events=parse_events(events),
        field=field,
        total=None if total is None else parse_total(total),
    )


def list_control_totals(home: Home, *, source: str | None = None) -> tuple[ComparedTotal, ...]:
    """Every statement (of a source) beside what is accepted now. Raises `UnknownSource`."""
    stored = home.pipeline.control_totals(source=source)
    if source is not None and not stored:
        check_source(home, source)
    return _compared(home, stored)


def differing_totals(home: Home, *, source: str | None = None) -> tuple[ComparedTotal, ...]:
    """Those whose window has ended and that do not tie."""
    compared = _compared(home, home.pipeline.control_totals(source=source))
    return tuple(found for found in compared if found.comparison.state is TotalState.DIFFERS)


def _compared(home: Home, stored: tuple[StoredControlTotal, ...]) -> tuple[ComparedTotal, ...]:
    if not stored:
        return ()
    now = home.clock.now()
    accepted = home.engine.source_totals([each.stated for each in stored], home.log.manifest())
    return tuple(
        ComparedTotal(each, compare(each.stated, found, now=now))
        for each, found in zip(stored, accepted, strict=True)
    )


def _check_promised(catalog: Catalog, stated: ControlTotal) -> None:
    """The type has a contract, and the field is a number in one of its versions."""
    versions = catalog.contracts.versions(stated.type)
    if not versions:
        raise UnknownEventType(stated.type)
    if stated.field is None:
        return
    declared = [field for contract in versions if (field := contract.field(stated.field)) is not None]
    if not any(field.type.numeric for field in declared):
        what = "is no number" if declared else "is not declared"
        raise MalformedControlTotal("field", f"{shown(stated.field)} {what} in the contract of {stated.type}")
