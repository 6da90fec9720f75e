"""The events behind a line: counted column by column as they are read, and only those that are shown, or
doubted, as whole events.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from tieout.aggregate.retraction import Identity
from tieout.aggregate.time_weighted import Opening
from tieout.aggregate.window import UsageRequest
from tieout.contract.document import Document, DocumentKind, record_of
from tieout.contract.event_contract import RETRACTION, EventContract
from tieout.evidence.counted import Counted
from tieout.evidence.lineage import Lineage, MalformedLineage, parse_lineage
from tieout.evidence.reproduced import Difference
from tieout.evidence.stored import StoredCharge, StoredEvidence, StoredSnapshot
from tieout.evidence.trace import Examined, contract_gone, witness_differences
from tieout.evidence.witness import Witness, retraction_of
from tieout.flows.home import Home
from tieout.kernel.erased import looks_erased
from tieout.kernel.ids import EventType, Position, SourceName, Watermark
from tieout.ports import StoredEvent, UnreadableSegment
from tieout.ports.lineage import Doubts, LineageQuestion, LineageRows
from tieout.rate.charge import GroupName, parse_group

DocumentName = tuple[DocumentKind, str, int]
EVENTS_NAMED_MAX: Final = 1_000
"""So many events that are not what they were are named, one by one."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A line of events, the documents it may rest on, and the usage it asks for, where that can be read."""

    stored: StoredEvidence
    documents: Mapping[DocumentName, Document]
    request: UsageRequest | None


@dataclass(frozen=True, slots=True)
class RetractedEvent:
    """An event that the line's meter would have counted, and the retraction because of which it does not."""

    event: Witness
    retraction: Witness


@dataclass(frozen=True, slots=True)
class Behind:
    """What stands behind a line: the count of all of it, and the events of one page, in position order."""

    lineage: Lineage | None
    examined: Examined
    events: tuple[Witness, ...]
    retracted: tuple[RetractedEvent, ...]
    opening: tuple[Witness, ...]


NOTHING_BEHIND: Final = Behind(None, Examined(Counted()), (), (), ())


def examine(home: Home, evidence: Evidence, *, skipped: int, page_size: int) -> Behind:
    """One pass over the rows of the lineage, and the page after the first `skipped` events."""
    snapshot = evidence.stored.snapshot
    assert snapshot is not None, "a lineage is a snapshot's"
    try:
        lineage = parse_lineage(snapshot.event_type, snapshot.predicate)
    except MalformedLineage:
        return NOTHING_BEHIND  # `asked_usage` read it as well, and names the snapshot
    asked = LineageQuestion(
        lineage=lineage,
        request=evidence.request,
        group=_group(evidence.stored.charge),
        contracts=contracts_of(evidence.documents, lineage.event_type),
        secret=home.log.identity_secret,
        skipped=skipped,
        page_size=page_size,
    )
    try:
        return _behind(home, snapshot, asked, distrust=False)
    except UnreadableSegment:  # merged away meanwhile, or a local copy that changed
        return _behind(home, snapshot, asked, distrust=True)


def _behind(home: Home, snapshot: StoredSnapshot, asked: LineageQuestion, *, distrust: bool) -> Behind:
    watermark = Watermark(snapshot.watermark)
    rows = home.log.lineage_rows(
        asked.lineage.windows, asked.lineage.event_type, watermark=watermark, distrust=distrust
    )
    counting = home.engine.lineage_count(asked, rows)
    looking = _Looking(home, rows, asked)
    for table in rows.tables():
        looking.into(counting.add(table))
    counted = counting.counted()
    shown = rows.at({*counted.events.positions, *counted.retracted.positions, *_stating(counted)})
    witnesses = {position: looking.witness(stored) for position, stored in shown.items()}
    gone = [witnesses[each] for each in counted.retracted.positions]
    retractions = _retractions(home, watermark, [_identity(each) for each in gone])
    return Behind(
        asked.lineage,
        Examined(counted, looking.differences),
        tuple(witnesses[each] for each in counted.events.positions),
        tuple(RetractedEvent(each, retractions[_identity(each)]) for each in gone),
        tuple(witnesses[each] for each in sorted(set(_stating(counted)))),
    )


@dataclass(slots=True)
class _Looking:
    """Looks at what the count doubts, one event at a time, by the definition of a content digest."""

    home: Home
    rows: LineageRows
    asked: LineageQuestion
    _found: dict[Difference, None] = field(default_factory=dict)
    _unnamed: int = 0

    def into(self, doubts: Doubts) -> None:
        if doubts.unpromised is not None:
            self._found[contract_gone(self.asked.lineage.event_type, doubts.unpromised)] = None
        if len(self._found) >= EVENTS_NAMED_MAX:
            self._unnamed += len(doubts.differing)
        elif doubts.differing:
            events = self.rows.at(doubts.differing)
            self._judge(self.witness(events[each]) for each in doubts.differing)
        if doubts.retracted:
            self._judge(_retractions(self.home, self.rows.watermark, doubts.retracted).values())

    def witness(self, stored: StoredEvent) -> Witness:
        return _witness(self.home, stored, self.asked.contracts.get(stored.event.contract_version))

    @property
    def differences(self) -> tuple[Difference, ...]:
        found = [*self._found]
        if self._unnamed:
            why = f"{self._unnamed:,} more whose digest differs"
            found.append(Difference("event", "others", "the digests stored with them", why))
        return tuple(found)

    def _judge(self, witnesses: Iterable[Witness]) -> None:
        for each in witnesses:
            differences = witness_differences(each, self.home.log.identity_secret)
            if differences and len(self._found) >= EVENTS_NAMED_MAX:
                self._unnamed += 1
            else:
                self._found.update(dict.fromkeys(differences))


def _stating(counted: Counted) -> list[Position]:
    """Where the levels lie with which a time-weighted line opens."""
    opening: tuple[Opening, ...] = () if counted.recount is None else counted.recount.opening
    return [each.position for each in opening]


def _retractions(home: Home, watermark: Watermark, targets: Iterable[Identity]) -> Mapping[Identity, Witness]:
    """For each identity the first retraction that names it as of the watermark."""
    wanted = set(targets)
    first: dict[Identity, Witness] = {}
    if not wanted:
        return first
    for stored in home.log.retractions(watermark=watermark, targets=wanted):
        witness = _witness(home, stored, RETRACTION)
        retraction = retraction_of(witness)
        first.setdefault((retraction.source, retraction.target_id), witness)
    return first


def _witness(home: Home, stored: StoredEvent, contract: EventContract | None) -> Witness:
    erasure = home.review.erasure(stored.position) if looks_erased(stored.event.id) else None
    return Witness(stored.position, stored.event, stored.lane_a, stored.lane_b, contract, erasure)


def _identity(witness: Witness) -> Identity:
    return SourceName(witness.event.source), witness.event.id


def contracts_of(
    documents: Mapping[DocumentName, Document], event_type: EventType
) -> Mapping[int, EventContract | None]:
    """By version; None where the document has another digest by now: then its events prove nothing."""
    found: dict[int, EventContract | None] = {}
    for (kind, key, version), document in documents.items():
        if kind is DocumentKind.EVENT and key == event_type:
            record = record_of(document)
            found[version] = record if isinstance(record, EventContract) else None
    return found


def _group(charge: StoredCharge) -> GroupName:
    """The usage that the charge is for; all of it where its price does not group."""
    try:
        return parse_group(charge.grouped_by)
    except (ValueError, TypeError):
        return ()  # the reproduction reads it again, and names the charge
