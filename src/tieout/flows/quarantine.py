"""The quarantine as a workplace: lists, groups, single items with their bytes, a conflict beside the accepted
original that it contradicts, and items put aside for good.
"""

from __future__ import annotations

from dataclasses import dataclass

from tieout.flows.apply_catalog import load_catalog
from tieout.flows.decision import decision_now
from tieout.flows.home import Home
from tieout.ingest.event import Event
from tieout.ingest.reading import AS_JSON, MappingGone, parse_reading, read_again
from tieout.ingest.reason import Reason
from tieout.ingest.rejection import Rejected
from tieout.kernel.errors import NotFound, Refusal, shown
from tieout.kernel.ids import Position
from tieout.kernel.instant import Instant, format_instant
from tieout.ports import StoredEvent
from tieout.ports.review import ItemState, QuarantineGroup, QuarantineQuery, ReviewedItem

LIST_LIMIT = 1_000
ALL_STATES = "all"


class UnknownReason(Refusal):
    """There is no such reason code."""

    code = "unknown-reason"

    def __init__(self, text: str) -> None:
        known = ", ".join(reason.code for reason in Reason if reason is not Reason.NONE)
        super().__init__(f"{shown(text)} is not a reason; reasons are {known}.")


class UnknownState(Refusal):
    """There is no such state of an item."""

    code = "unknown-state"

    def __init__(self, text: str) -> None:
        super().__init__(f"{shown(text)} is not a state; states are {', '.join(ItemState)} and {ALL_STATES}.")


class NotInQuarantine(NotFound):
    """No quarantined item or conflict has this position."""

    code = "not-in-quarantine"

    def __init__(self, position: Position) -> None:
        super().__init__(f"Nothing in the quarantine has the position {position}.")


@dataclass(frozen=True, slots=True)
class ComparedField:
    """One member of a conflict and of the original that it contradicts; None where it is absent."""

    name: str
    original: str | None
    newcomer: str | None

    @property
    def differs(self) -> bool:
        return self.original != self.newcomer


@dataclass(frozen=True, slots=True)
class ShownItem:
    """An item with its bytes; `original` is the accepted event that a conflict contradicts, `fields` the two
    side by side. `erased`: its bytes are gone.
    """

    reviewed: ReviewedItem
    original: StoredEvent | None
    fields: tuple[ComparedField, ...]
    erased: bool


def quarantine_query(
    *,
    reason: str | None = None,
    source: str | None = None,
    field: str | None = None,
    since: Instant | None = None,
    state: str = ItemState.OPEN.value,
    after: str | None = None,
    limit: int = LIST_LIMIT,
) -> QuarantineQuery:
    """The query that these texts mean. Raises `UnknownReason`, `UnknownState`, `MalformedPosition`."""
    if state != ALL_STATES and state not in set(ItemState):
        raise UnknownState(state)
    return QuarantineQuery(
        reason=None if reason is None else reason_of(reason),
        source=source,
        field=field,
        since=since,
        state=None if state == ALL_STATES else ItemState(state),
        after=None if after is None else Position.parse(after),
        limit=limit,
    )


def list_quarantine(home: Home, query: QuarantineQuery) -> tuple[ReviewedItem, ...]:
    """In the order of arrival, without their bytes."""
    return home.review.items(query)


def quarantine_groups(home: Home, query: QuarantineQuery) -> tuple[QuarantineGroup, ...]:
    """By reason, source and field, the largest first."""
    return home.review.groups(query)


def show_quarantine(home: Home, position: str) -> ShownItem:
    """Raises `MalformedPosition` and `NotInQuarantine`."""
    found = quarantined(home, Position.parse(position))
    item = found.item
    erased = home.review.erasure(item.position) is not None
    original = None if item.original is None else home.log.event_at(item.original)
    fields: tuple[ComparedField, ...] = ()
    if original is not None and not erased:
        newcomer = decoded_again(home, found, item.raw)
        if isinstance(newcomer, Event):
            fields = compared(original.event, newcomer)
    return ShownItem(found, original, fields, erased)


def discard(home: Home, positions: list[str], *, person: str, reason: str) -> tuple[Position, ...]:
    """Puts items aside for good; they stay shown. Raises `NotInQuarantine`, `DecisionIncomplete` and
    `AlreadyDecided`; then none of them was put aside.
    """
    places = tuple(dict.fromkeys(Position.parse(text) for text in positions))
    for place in places:
        quarantined(home, place)
    home.review.discard(places, decision_now(home, person=person, reason=reason))
    return places


def quarantined(home: Home, position: Position) -> ReviewedItem:
    """The item with its bytes. Raises `NotInQuarantine`."""
    found = home.review.item(position)
    if found is None:
        raise NotInQuarantine(position)
    return found


def decoded_again(home: Home, found: ReviewedItem, raw: bytes) -> Event | Rejected | None:
    """The item under today's catalog as of its own arrival; None where its mapping is gone."""
    catalog, item = load_catalog(home), found.item
    reading = AS_JSON if item.reading is None else parse_reading(item.reading)
    try:
        return read_again(
            raw, reading, catalog.contracts, catalog.sources, received_at=item.received_at, reason=item.reason
        )
    except MappingGone:
        return None


def compared(original: Event, newcomer: Event) -> tuple[ComparedField, ...]:
    """Envelope, declared fields by name, undeclared members and other attributes, side by side."""
    names = sorted(original.fields.keys() | newcomer.fields.keys())
    rows = [
        ComparedField(name, str(getattr(original, name)), str(getattr(newcomer, name)))
        for name in ("type", "subject")
    ]
    rows.append(ComparedField("time", format_instant(original.time), format_instant(newcomer.time)))
    rows += [ComparedField(f"data.{name}", _text(original, name), _text(newcomer, name)) for name in names]
    for name in ("extras", "attributes"):
        rows.append(ComparedField(name, getattr(original, name) or None, getattr(newcomer, name) or None))
    return tuple(rows)


def _text(event: Event, name: str) -> str | None:
    value = event.fields.get(name)
    return None if value is None else str(value)


def reason_of(text: str) -> Reason:
    """By code or number. Raises `UnknownReason`."""
    for reason in Reason:
        if reason is not Reason.NONE and text in (reason.code, str(int(reason))):
            return reason
    raise UnknownReason(text)
