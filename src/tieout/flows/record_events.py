"""What a home received, as calls that bring it again: one for each batch, every item in its row.

An accepted event is written from what the log holds of it, a retry as the event that it repeats, and what was
refused as the bytes that came. A set of some accounts holds their events alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tieout.contract.catalog import Catalog
from tieout.flows.fold_batch import committed
from tieout.flows.home import Home
from tieout.flows.quarantine import decoded_again
from tieout.ingest.event import Event
from tieout.ingest.reason import Reason
from tieout.ingest.verdict import Verdict
from tieout.kernel.erased import looks_erased
from tieout.kernel.ids import CustomerId, Position, Subject, Watermark
from tieout.kernel.instant import INSTANT_MAX, Instant
from tieout.kernel.period import Period
from tieout.ports.review import EventQuery, Fate
from tieout.replay.call import VERDICTS, Call, CallKind
from tieout.replay.written import event_line

ROWS_AT_ONCE: Final = 65_536
PLACEHOLDER: Final = b"{}"
"""In place of an item whose bytes are gone: refused as it was."""
Spans = Mapping[Subject, Sequence[Period]]


@dataclass(slots=True)
class Received:
    """Calls with the batch that each brings, and what could not be written as it came."""

    calls: list[tuple[int, Call]] = field(default_factory=list)
    erased: int = 0
    gone: int = 0


@dataclass(frozen=True, slots=True)
class _Item:
    fate: Fate
    line: bytes
    event: Event | None


def record_events(
    home: Home, catalog: Catalog, folder: Path, *, only: Collection[CustomerId] | None, until: Instant | None
) -> Received:
    """Writes the bodies below `folder`/events. `until`: what arrived before it."""
    found = Received()
    (folder / "events").mkdir()
    spans = None if only is None else _spans(catalog, only)
    upto = home.log.head()
    done = Watermark(0)
    while done < upto:
        for batch in committed(home, done, rows_max=ROWS_AT_ONCE):
            done = batch.number
            if until is not None and batch.received_at >= until:
                return found
            accepted = {stored.position.row: stored.event for stored in batch.events()}
            items = list(_items(home, catalog, int(batch.number), accepted, found))
            kept = items if spans is None else [each for each in items if _is_in(each, spans)]
            if kept:
                name = f"events/{int(batch.number):08}.ndjson"
                (folder / name).write_bytes(b"".join(each.line + b"\n" for each in kept))
                found.calls.append((int(batch.number), _call(name, batch.received_at, kept)))
    return found


def _call(name: str, at: Instant, items: Sequence[_Item]) -> Call:
    """Where items were refused for their source, only those of the others may be sent."""
    counts = dict.fromkeys(VERDICTS, 0)
    for each in items:
        counts[each.fate.verdict.name.lower()] += 1
    lists: dict[str, tuple[str, ...]] = {}
    if any(each.fate.reason is Reason.SOURCE_FORBIDDEN for each in items):
        lists["sources"] = tuple(sorted({each.event.source for each in items if each.event is not None}))
    return Call(0, at, CallKind.INGEST, {"file": name}, lists, counts)


def _items(
    home: Home, catalog: Catalog, batch: int, accepted: Mapping[int, Event], found: Received
) -> Iterator[_Item]:
    fates = home.review.fates(batch)
    originals = _originals(home, [each.original for each in fates if each.verdict is Verdict.DUPLICATE])
    for row, fate in enumerate(fates):
        if fate.verdict is Verdict.ACCEPTED:
            event: Event | None = accepted[row]
        elif fate.verdict is Verdict.DUPLICATE and fate.original is not None:
            event = originals[fate.original]
        else:
            event = None
        if event is not None:
            found.erased += fate.verdict is Verdict.ACCEPTED and looks_erased(event.id)
            yield _Item(fate, _written(catalog, event), event)
        else:
            yield _refused(home, catalog, fate, found)


def _refused(home: Home, catalog: Catalog, fate: Fate, found: Received) -> _Item:
    """As it came. A conflict that was read from a row, or by a default source, is written as an event."""
    kept = home.review.item(fate.position)
    if kept is None or not kept.item.raw.strip():
        found.gone += 1
        return _Item(fate, PLACEHOLDER, None)
    decoded = decoded_again(home, kept, kept.item.raw) if fate.verdict is Verdict.CONFLICT else None
    if isinstance(decoded, Event) and decoded.id:
        return _Item(fate, _written(catalog, decoded), decoded)
    # outside of a text a carriage return is a blank too, and inside of one it is refused like a newline
    return _Item(fate, kept.item.raw.replace(b"\n", b"\r"), None)


def _originals(home: Home, places: Sequence[Position | None]) -> dict[Position, Event]:
    wanted = sorted({each for each in places if each is not None})
    found: dict[Position, Event] = {}
    for start in range(0, len(wanted), 1_000):
        asked = tuple(wanted[start : start + 1_000])
        page = home.review.find(EventQuery(positions=asked), after=None, limit=len(asked))
        found |= {stored.position: stored.event for stored in page.events}
    return found


def _written(catalog: Catalog, event: Event) -> bytes:
    return event_line(event, catalog.contracts.get(event.type, event.contract_version))


def _spans(catalog: Catalog, only: Collection[CustomerId]) -> Spans:
    found: dict[Subject, list[Period]] = {}
    for customer in only:
        for span in catalog.subjects.of_customer(customer):
            end = INSTANT_MAX if span.end is None else span.end
            found.setdefault(span.subject, []).append(Period(span.start, end))
    return found


def _is_in(item: _Item, spans: Spans) -> bool:
    event = item.event
    return event is not None and any(each.contains(event.time) for each in spans.get(event.subject, ()))
