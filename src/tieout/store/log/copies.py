"""Where the text of an item stands: everything received under its identity, and what it was released from or
as.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Connection, or_, select

from tieout.contract.retraction import REPLACED_BY, TARGET_ID
from tieout.ingest.event import Event
from tieout.ingest.verdict import Verdict
from tieout.kernel.digest import identity_key
from tieout.kernel.erased import erased_id, looks_erased
from tieout.kernel.ids import Position
from tieout.ports import StoredEvent
from tieout.store.log import schema
from tieout.store.log.decisions import released_from, released_from_any
from tieout.store.log.erasures import find_erasure
from tieout.store.log.fates import fates_of, repeats_of

SUBJECT = "subject"
REPEATS_MAX = 1_000_000
Locate = Callable[[str, str], Position | None]
Naming = Callable[[str, str], list[StoredEvent]]
EventAt = Callable[[Position], StoredEvent | None]
Q = schema.quarantine.c
O = schema.quarantine_outcomes.c  # noqa: E741 - beside Q


@dataclass(slots=True)
class Traces:
    """Accepted events, rows that repeat or contradict them, quarantined items; the identity key of each
    accepted or repeated row; and of retractions that name such an event, by field, what is to stand for its
    id.
    """

    accepted: set[Position] = field(default_factory=set)
    repeated: set[Position] = field(default_factory=set)
    quarantined: set[Position] = field(default_factory=set)
    keys: dict[Position, bytes] = field(default_factory=dict)
    names: dict[Position, dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Looking:
    """What the search needs besides a connection. `naming`: the retractions that name an identity as what
    they take back, or as what stands in its place.
    """

    secret: bytes
    event_at: EventAt
    locate: Locate
    naming: Naming


def traces_of(connection: Connection, looking: Looking, position: Position) -> Traces:
    """Everything that must go with the item at a position."""
    found = Traces()
    open_positions, seen = [position], {position}

    def also(*more: Position | None) -> None:
        for each in more:
            if each is not None and each not in seen:
                seen.add(each)
                open_positions.append(each)

    while open_positions:
        here = open_positions.pop()
        (fate,) = fates_of(connection, here.batch, [here.row])
        if fate is None:
            continue
        also(released_from(connection, here), *_quarantined(connection, looking, here, found))
        if fate.verdict is Verdict.ACCEPTED:
            also(*_accepted(connection, looking, here, found))
        elif fate.original is not None:
            found.repeated.add(here)
            also(fate.original)
    return found


def _accepted(connection: Connection, looking: Looking, here: Position, found: Traces) -> list[Position]:
    """The accepted event's repeats are noted at once; what else has its identity is returned."""
    found.accepted.add(here)
    stored = looking.event_at(here)
    if stored is None:
        return []
    source, id = stored.event.source, stored.event.id
    erasure = find_erasure(connection, here) if looks_erased(id) else None
    key = identity_key(looking.secret, source, id) if erasure is None else erasure.identity_key
    repeats = repeats_of(connection, here, source, limit=REPEATS_MAX).positions
    found.repeated.update(repeats)
    query = select(Q.batch, Q.row).where(
        or_(
            (Q.original_batch == here.batch) & (Q.original_row == here.row),
            (Q.event_id == id) & (Q.source == source),
        )
    )
    others = [Position(batch, row) for batch, row in connection.execute(query)]
    found.keys |= dict.fromkeys([here, *repeats, *others], key)
    retractions = _note_names(looking, found, source, id, key)
    return [*others, *retractions, *released_from_any(connection, repeats)]


def _note_names(looking: Looking, found: Traces, source: str, id: str, key: bytes) -> list[Position]:
    """A retraction goes on taking the event back: it names what stands for the id."""
    marker = erased_id(key)
    retractions = looking.naming(source, id)
    for retraction in retractions:
        own = found.names.setdefault(retraction.position, {})
        own |= {name: marker for name, text in names_in(retraction.event).items() if text == id}
    return [retraction.position for retraction in retractions]


def names_in(event: Event) -> dict[str, str]:
    """Where a retraction names the identity of another event, by field; its subject is the id of an event
    that had yet to arrive.
    """
    named = {name: str(event.fields[name]) for name in (TARGET_ID, REPLACED_BY) if name in event.fields}
    return named | ({SUBJECT: event.subject} if event.subject == named[TARGET_ID] else {})


def _quarantined(
    connection: Connection, looking: Looking, here: Position, found: Traces
) -> list[Position | None]:
    query = select(Q.source, Q.event_id).where(Q.batch == here.batch, Q.row == here.row)
    row = connection.execute(query).one_or_none()
    if row is None:
        return []
    found.quarantined.add(here)
    outcome = select(O.new_batch, O.new_row).where(O.batch == here.batch, O.row == here.row)
    new = connection.execute(outcome.where(O.new_batch.is_not(None))).one_or_none()
    more: list[Position | None] = [None if new is None else Position(new.new_batch, new.new_row)]
    if row.event_id is not None and not looks_erased(row.event_id):
        found.keys.setdefault(here, identity_key(looking.secret, row.source, row.event_id))
        more.append(looking.locate(row.source, row.event_id))
        same = select(Q.batch, Q.row).where(Q.event_id == row.event_id, Q.source == row.source)
        more += [Position(batch, other) for batch, other in connection.execute(same)]
    return more
