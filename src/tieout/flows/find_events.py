"""Finds, counts and exports accepted events: a typed query in, a page of events out, in position order.

The command line and the HTTP interface both stand on `find_events` and `event_json`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tieout.contract.catalog import Catalog
from tieout.contract.event_contract import EventContract, FieldType
from tieout.evidence.witness import Erasure
from tieout.flows.apply_catalog import NoSuchCustomer, load_catalog
from tieout.flows.home import Home
from tieout.ingest.event import Event
from tieout.ingest.retraction import target_of
from tieout.kernel.erased import looks_erased
from tieout.kernel.errors import NotFound, Refusal, shown
from tieout.kernel.ids import CustomerId, EventType, Position, Subject, Watermark
from tieout.kernel.instant import INSTANT_MAX, Instant, format_instant
from tieout.kernel.period import Period
from tieout.kernel.quantity import Quantity
from tieout.ports import StoredEvent
from tieout.ports.review import AttributeFilter, EventQuery, TypeTotal

PAGE_SIZE_MAX = 10_000
PAGE_SIZE = 100
SOURCES_MAX = 10_000
"""An id without its source is looked up under every source; beyond so many, the source must be named."""
Progress = Callable[[int, int], None]
Json = None | bool | int | str | list["Json"] | dict[str, "Json"]


class NoSuchEvent(NotFound):
    """No accepted event has this position."""

    code = "no-such-event"

    def __init__(self, position: Position) -> None:
        super().__init__(
            f"No accepted event has the position {position}; `tieout events why {position}` says what became "
            "of the row, if there is one."
        )


class MalformedQuery(Refusal):
    """A filter that cannot mean anything."""

    code = "malformed-query"


@dataclass(frozen=True, slots=True)
class EventFilter:
    """What a person or program asks for; None does not ask. `since` is included, `until` is not.

    `sources`: events of these only, whatever else is asked. `attributes` are `name=value`: a declared field,
    an undeclared member of data or a CloudEvents attribute.
    """

    id: str | None = None
    source: str | None = None
    sources: frozenset[str] | None = None
    customer: str | None = None
    subject: str | None = None
    type: str | None = None
    since: Instant | None = None
    until: Instant | None = None
    attributes: tuple[str, ...] = ()
    position: str | None = None
    as_of: int | None = None


@dataclass(frozen=True, slots=True)
class FoundEvent:
    """An accepted event with the contract that typed it, its customer at its time, and the position of the
    first retraction of it (None: it counts).
    """

    stored: StoredEvent
    contract: EventContract | None
    customer: CustomerId | None
    erasure: Erasure | None
    retracted_by: Position | None


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events after the cursor in position order; `next` is the cursor of the page after, None at the end."""

    events: tuple[FoundEvent, ...]
    next: str | None
    watermark: Watermark


@dataclass(frozen=True, slots=True)
class EventTotals:
    """Events by type with exact sums of their numeric fields; `events` and `retracted` over all types.

    A retracted event is among the events and in the sums, and counted again under `retracted`.
    """

    types: tuple[TypeTotal, ...]

    @property
    def events(self) -> int:
        return sum(each.events for each in self.types)

    @property
    def retracted(self) -> int:
        return sum(each.retracted for each in self.types)


def find_events(
    home: Home, wanted: EventFilter, *, after: str | None = None, limit: int = PAGE_SIZE
) -> EventPage:
    """Raises `MalformedQuery`, `MalformedPosition` and `NoSuchCustomer`."""
    if not 1 <= limit <= PAGE_SIZE_MAX:
        raise MalformedQuery(f"A page holds 1 to {PAGE_SIZE_MAX} events, not {limit}.")
    cursor = None if after is None else Position.parse(after)
    catalog = load_catalog(home)
    page = home.review.find(_query(home, catalog, wanted), after=cursor, limit=limit)
    following = None if page.after is None else str(page.after)
    return EventPage(_told(home, catalog, page.events, page.watermark), following, page.watermark)


def show_event(home: Home, position: str) -> FoundEvent:
    """Raises `MalformedPosition` and `NoSuchEvent`."""
    place = Position.parse(position)
    stored = home.log.event_at(place)
    if stored is None or not _is_accepted(home, place):
        raise NoSuchEvent(place)
    return _told(home, load_catalog(home), (stored,), home.log.head())[0]


def count_events(home: Home, wanted: EventFilter, *, progress: Progress | None = None) -> EventTotals:
    """Raises what `find_events` raises."""
    return EventTotals(home.review.totals(_query(home, load_catalog(home), wanted), progress))


def export_events(
    home: Home, wanted: EventFilter, out: Path, *, progress: Progress | None = None
) -> EventTotals:
    """The file is there, whole, when this returns. Raises what `find_events` raises, `UnknownExport` and
    `FileInTheWay`.
    """
    return EventTotals(home.review.export(_query(home, load_catalog(home), wanted), out, progress))


def event_json(found: FoundEvent) -> dict[str, Json]:
    """One event as every interface writes it: decimals as strings, instants as RFC 3339."""
    event = found.stored.event
    return {
        "position": str(found.stored.position),
        "source": event.source,
        "id": event.id,
        "type": event.type,
        "contract_version": event.contract_version,
        "subject": event.subject,
        "customer": found.customer,
        "time": format_instant(event.time),
        "data": {**event_data(event, found.contract)},
        "extras": _members(event.extras),
        "attributes": _members(event.attributes),
        "erased": None
        if found.erasure is None
        else {
            "by": found.erasure.person,
            "reason": found.erasure.reason,
            "at": format_instant(found.erasure.erased_at),
        },
        "retracted_by": None if found.retracted_by is None else str(found.retracted_by),
    }


def event_data(event: Event, contract: EventContract | None) -> dict[str, str | int | bool]:
    """The declared fields: decimals as text, timestamps as RFC 3339."""
    declared = () if contract is None else contract.fields
    times = {field.name for field in declared if field.type is FieldType.TIMESTAMP}
    data: dict[str, str | int | bool] = {}
    for name, value in sorted(event.fields.items()):
        if isinstance(value, Quantity):
            data[name] = str(value)
        elif name in times and isinstance(value, int):
            data[name] = format_instant(Instant(value))
        else:
            data[name] = value
    return data


def totals_json(totals: EventTotals) -> dict[str, Json]:
    return {
        "events": totals.events,
        "retracted": totals.retracted,
        "types": [
            {
                "type": each.type,
                "events": each.events,
                "sums": {name: str(quantity) for name, quantity in each.sums.items()},
                "retracted": {
                    "events": each.retracted,
                    "sums": {name: str(quantity) for name, quantity in each.retracted_sums.items()},
                },
            }
            for each in totals.types
        ],
    }


def _members(text: str) -> Json:
    if not text:
        return {}
    members: Json = json.loads(text, parse_int=str, parse_float=str)
    return members


def _is_accepted(home: Home, position: Position) -> bool:
    """A body also holds rows that were not accepted."""
    fate = home.review.fate(position)
    return fate is not None and fate.original is None


def _query(home: Home, catalog: Catalog, wanted: EventFilter) -> EventQuery:
    if wanted.since is not None and wanted.until is not None and wanted.since >= wanted.until:
        raise MalformedQuery("The time range is empty: --since must lie before --until.")
    return EventQuery(
        source=wanted.source,
        sources=wanted.sources,
        types=None if wanted.type is None else frozenset({EventType(wanted.type)}),
        subject=None if wanted.subject is None else Subject(wanted.subject),
        spans=None if wanted.customer is None else _spans(catalog, CustomerId(wanted.customer)),
        time_from=wanted.since,
        time_until=wanted.until,
        attributes=tuple(_attribute(text) for text in wanted.attributes),
        positions=_positions(home, wanted),
        watermark=None if wanted.as_of is None else Watermark(wanted.as_of),
    )


def _attribute(text: str) -> AttributeFilter:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise MalformedQuery(f"{shown(text)} is no attribute filter; write name=value.")
    return AttributeFilter(name.removeprefix("data."), value)


def _spans(catalog: Catalog, customer: CustomerId) -> dict[Subject, tuple[Period, ...]]:
    if customer not in catalog.customers:
        raise NoSuchCustomer(customer)
    spans: dict[Subject, tuple[Period, ...]] = {}
    for span in catalog.subjects.of_customer(customer):
        period = Period(span.start, INSTANT_MAX if span.end is None else span.end)
        spans[span.subject] = (*spans.get(span.subject, ()), period)
    return spans


def _positions(home: Home, wanted: EventFilter) -> tuple[Position, ...] | None:
    asked = None if wanted.position is None else (Position.parse(wanted.position),)
    if wanted.id is None:
        return asked
    named = home.review.sources() if wanted.sources is None else wanted.sources
    sources = [wanted.source] if wanted.source is not None else sorted(named)
    if len(sources) > SOURCES_MAX:
        raise MalformedQuery(f"{len(sources)} sources may have this id; name its source.")
    found = home.review.locate([(source, wanted.id) for source in sources])
    return tuple(
        sorted(
            position for position in found if position is not None and (asked is None or position in asked)
        )
    )


def retracted_by(
    home: Home, events: Sequence[StoredEvent], watermark: Watermark
) -> dict[tuple[str, str], Position]:
    """By (source, id) of these events, the first retraction of each that was retracted as of `watermark`."""
    targets = {(stored.event.source, stored.event.id) for stored in events}
    first: dict[tuple[str, str], Position] = {}
    for found in home.log.retractions(watermark=watermark, targets=targets) if targets else ():
        first.setdefault(target_of(found.event), found.position)
    return first


def _told(
    home: Home, catalog: Catalog, events: tuple[StoredEvent, ...], watermark: Watermark
) -> tuple[FoundEvent, ...]:
    retracted = retracted_by(home, events, watermark)
    subjects = {stored.event.subject for stored in events}
    spans = [span for span in catalog.subjects.spans if span.subject in subjects]

    def owner(event: Event) -> CustomerId | None:
        for span in spans:
            inside = span.start <= event.time and (span.end is None or event.time < span.end)
            if span.subject == event.subject and inside:
                return span.customer
        return None

    return tuple(
        FoundEvent(
            stored,
            catalog.contracts.get(stored.event.type, stored.event.contract_version),
            owner(stored.event),
            home.review.erasure(stored.position) if looks_erased(stored.event.id) else None,
            retracted.get((stored.event.source, stored.event.id)),
        )
        for stored in events
    )
