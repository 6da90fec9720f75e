"""Releases quarantined items: each arrives again, as it came or corrected, and is judged like any arrival.

A release is linked to its item on both sides of law L1: the item stays counted as quarantined, the arrival is
counted with its own verdict, which may be quarantined again. Then the item is released and the new one open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from tieout.contract.catalog import Catalog
from tieout.contract.event_contract import ContractBook
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.decision import decision_now
from tieout.flows.file_pieces import file_bytes
from tieout.flows.home import Home
from tieout.flows.quarantine import quarantined, reason_of
from tieout.ingest.event import Event
from tieout.ingest.identity import identified
from tieout.ingest.reading import AS_JSON, parse_reading, read_again, reading_text
from tieout.ingest.rejection import Rejected
from tieout.kernel.errors import ConflictError, NotFound, Refusal, shown
from tieout.kernel.ids import Position
from tieout.kernel.instant import Instant
from tieout.kernel.limits import ITEM_BYTES_MAX
from tieout.ports.review import (
    AlreadyDecided,
    Decision,
    ItemState,
    QuarantineQuery,
    Readmission,
    Readmitted,
    ReviewedItem,
)

ITEMS_PER_RELEASE = 500
Progress = Callable[[int, int], None]


class CorrectionTooLarge(Refusal):
    """A corrected item is one item."""

    code = "correction-too-large"

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path}: a corrected item has at most {ITEM_BYTES_MAX} bytes.")


class BytesErased(ConflictError):
    """What was erased cannot be judged again."""

    code = "bytes-erased"

    def __init__(self, position: Position) -> None:
        super().__init__(f"The bytes of {position} were erased; there is nothing left to release.")


class MalformedGroup(Refusal):
    """A group is named by reason and source."""

    code = "malformed-group"

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{shown(text)} names no group; write REASON/SOURCE, as `tieout quarantine groups` shows them."
        )


class EmptyGroup(NotFound):
    """No open item has this reason and source."""

    code = "empty-group"

    def __init__(self, text: str) -> None:
        super().__init__(f"No open item in the quarantine is of the group {shown(text)}.")


@dataclass(frozen=True, slots=True)
class Correction:
    """A corrected item: one CloudEvent in JSON, and the file it was read from."""

    name: str
    raw: bytes


def read_correction(path: Path) -> Correction:
    """Raises `FileMissing` and `CorrectionTooLarge`."""
    file_bytes(path)
    with path.open("rb") as file:
        raw = file.read(ITEM_BYTES_MAX + 3)
    if len(raw.strip()) > ITEM_BYTES_MAX:
        raise CorrectionTooLarge(path)
    return Correction(str(path), raw.strip())


def release(
    home: Home, position: str, *, person: str, reason: str, correction: Correction | None = None
) -> Readmitted:
    """Raises `NotInQuarantine`, `AlreadyDecided`, `BytesErased`, `MappingGone`, `DecisionIncomplete`."""
    found = quarantined(home, Position.parse(position))
    decision = decision_now(home, person=person, reason=reason)
    if found.outcome is not None:
        raise AlreadyDecided([found.outcome])
    catalog = load_catalog(home)
    coming = readmission(home, catalog, found, correction, now=decision.decided_at)
    (done,) = home.review.readmit(catalog.contracts, [coming], decision)
    return done


def release_group(
    home: Home, group: str, *, person: str, reason: str, progress: Progress | None = None
) -> tuple[Readmitted, ...]:
    """Every open item of `REASON/SOURCE` that is in quarantine now, each with the guarantees of a single
    release; an item that somebody else decides about meanwhile is left to them.

    Raises `MalformedGroup`, `UnknownReason`, `EmptyGroup` and what `release` raises.
    """
    decision = decision_now(home, person=person, reason=reason)
    catalog = load_catalog(home)
    done: list[Readmitted] = []
    total = group_size(home, group)
    for page in open_items(home, group):
        coming = [readmission(home, catalog, found, None, now=decision.decided_at) for found in page]
        for _, together in groupby(coming, key=lambda each: (each.origin, each.reading)):
            done += _readmitted(home, catalog.contracts, list(together), decision)
        if progress is not None:
            progress(len(done), total)
    return tuple(done)


def group_size(home: Home, group: str) -> int:
    """How many open items a group has. Raises `EmptyGroup` where it has none."""
    count = sum(found.items for found in home.review.groups(_query(group)))
    if not count:
        raise EmptyGroup(group)
    return count


def open_items(home: Home, group: str) -> Iterator[list[ReviewedItem]]:
    """Pages of the open items, with their bytes, that are in quarantine when the first page is read."""
    query, head = _query(group), home.log.head()
    while True:
        listed = [found for found in home.review.items(query) if found.item.position.batch <= head]
        if not listed:
            return
        yield [quarantined(home, found.item.position) for found in listed]
        query = replace(query, after=listed[-1].item.position)


def readmission(
    home: Home, catalog: Catalog, found: ReviewedItem, correction: Correction | None, *, now: Instant
) -> Readmission:
    """The item as it would arrive now. Raises `BytesErased`, `MappingGone`."""
    item = found.item
    if correction is None and home.review.erasure(item.position) is not None:
        raise BytesErased(item.position)
    if correction is not None:
        raw, reading, origin, line = correction.raw, AS_JSON, correction.name, 1
    else:
        reading = AS_JSON if item.reading is None else parse_reading(item.reading)
        raw, origin, line = item.raw, item.origin, item.line

    def typed(contracts: ContractBook) -> Event | Rejected:
        return read_again(raw, reading, contracts, catalog.sources, received_at=now, reason=item.reason)

    decoded = _with_id(home, catalog, found, typed(catalog.contracts))
    return Readmission(item.position, raw, decoded, typed, origin, line, reading_text(reading))


def _with_id(
    home: Home, catalog: Catalog, found: ReviewedItem, decoded: Event | Rejected
) -> Event | Rejected:
    """A row without an id gets the one that its file gives it: content, and equal rows before it."""
    if not isinstance(decoded, Event) or decoded.id:
        return decoded
    contract = catalog.contracts.get(decoded.type, decoded.contract_version)
    assert contract is not None, "an event keeps a contract of this book"
    return identified(decoded, contract, home.review.equal_rows_before(found.item))


def _readmitted(
    home: Home, book: ContractBook, coming: Sequence[Readmission], decision: Decision
) -> Iterable[Readmitted]:
    while coming:
        try:
            return home.review.readmit(book, coming, decision)
        except AlreadyDecided as refusal:
            decided = {outcome.item for outcome in refusal.outcomes}
            coming = [each for each in coming if each.item not in decided]
    return ()


def _query(group: str) -> QuarantineQuery:
    reason, slash, source = group.partition("/")
    if not slash or not source:
        raise MalformedGroup(group)
    return QuarantineQuery(
        reason=reason_of(reason), source=source, state=ItemState.OPEN, limit=ITEMS_PER_RELEASE
    )
