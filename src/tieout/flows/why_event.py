"""Why an event was or was not counted: every arrival of its identity, what became of each, and for the
accepted one what each meter of its type did with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tieout.aggregate.select import NO_VALUE, Excluded, NotMatched, select
from tieout.aggregate.snapshot_text import parse_breakdown
from tieout.close.rating import usage_requests
from tieout.close.segments import NothingInForce, segments
from tieout.contract.catalog import Catalog
from tieout.contract.meter import Meter
from tieout.evidence.lineage import parse_lineage
from tieout.evidence.stored import StoredInvoice, StoredSnapshot
from tieout.evidence.witness import Erasure, Witness, meter_event
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.home import Home
from tieout.flows.measure_usage import billing_period
from tieout.flows.ownership import SealedPeriods, owner_at, owners_ever
from tieout.flows.policy import policies
from tieout.flows.why_interim import on_interim
from tieout.ingest.reason import Reason
from tieout.ingest.verdict import Verdict
from tieout.invoice.stored_document import read_document
from tieout.kernel.erased import looks_erased
from tieout.kernel.errors import NotFound, shown
from tieout.kernel.ids import CustomerId, LineId, MalformedPosition, MeterKey, Position, SubscriptionId
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.ports import StoredEvent
from tieout.ports.review import Fate, ItemOutcome, ReviewedItem

REPEATS_SHOWN = 100


class NeverReceived(NotFound):
    """Nothing with this id (or at this position) was ever received."""

    code = "never-received"

    def __init__(self, text: str, source: str | None) -> None:
        of = "" if source is None else f" from the source {shown(source)}"
        super().__init__(
            f"Nothing with the id {shown(text)} was received{of}, and no row has that position. An item "
            "whose id could not be read is in the quarantine without one: `tieout quarantine list`."
        )


@dataclass(frozen=True, slots=True)
class Told:
    """One arrival: what was judged, when, and where it came from. `line`, `field`, `detail` and `outcome` are
    those of a quarantined item. `released_from` is the item whose release it is; `became` what a release of
    it became.
    """

    position: Position
    verdict: Verdict
    reason: Reason
    received_at: Instant
    origin: str
    original: Position | None
    line: int | None = None
    field: str | None = None
    detail: str | None = None
    outcome: ItemOutcome | None = None
    released_from: Position | None = None
    became: Fate | None = None


@dataclass(frozen=True, slots=True)
class MeterFate:
    """What one meter did with the accepted event.

    `fate`: counted, not matched, excluded (for `reason`), unmatched (no customer), unpriced (the customer
    pays no price on this meter then) or retracted. Of a counted one `state` is open, interim (its period is
    open, and it is billed in `lines` of the interim `invoice`), sealed (in `lines` of `invoice`), late
    (accepted after the cutoff of `invoice`) or missed (its period was sealed without this usage).
    `retracted_by` is the retraction's position; a sealed one that was retracted since stays counted.
    """

    meter: MeterKey
    version: int
    fate: str
    reason: str | None = None
    subscription: SubscriptionId | None = None
    period: Period | None = None
    state: str | None = None
    invoice: str | None = None
    lines: tuple[LineId, ...] = ()
    retracted_by: Position | None = None


@dataclass(frozen=True, slots=True)
class AcceptedTold:
    """The accepted event, its customer at its time (None: unmatched), each meter of its type, and the first
    retraction of it.
    """

    stored: StoredEvent
    erasure: Erasure | None
    customer: CustomerId | None
    meters: tuple[MeterFate, ...]
    retraction: StoredEvent | None


@dataclass(frozen=True, slots=True)
class Why:
    """One identity. `repeats` counts duplicates, of which the first are among `arrivals`."""

    source: str
    id: str | None
    arrivals: tuple[Told, ...]
    repeats: int
    accepted: AcceptedTold | None


def why(home: Home, id_or_position: str, *, source: str | None = None) -> tuple[Why, ...]:
    """One answer for each source that sent the id; a position answers for the identity it belongs to, where
    no event has it as its id. Raises `NeverReceived`.
    """
    catalog = load_catalog(home)
    items = home.review.items_of(id_or_position, source)
    sources = [source] if source is not None else list(home.review.sources())
    located = home.review.locate([(each, id_or_position) for each in sources])
    accepted = dict(zip(sources, located, strict=True))
    names = sorted({item.item.source for item in items} | {name for name in sources if accepted[name]})
    if names:
        return tuple(
            _why(
                home,
                catalog,
                name,
                id_or_position,
                accepted.get(name),
                [item for item in items if item.item.source == name],
            )
            for name in names
        )
    try:
        position = Position.parse(id_or_position)
    except MalformedPosition:
        raise NeverReceived(id_or_position, source) from None
    return (_why_position(home, catalog, position, source),)


def _why_position(home: Home, catalog: Catalog, position: Position, source: str | None) -> Why:
    fate = home.review.fate(position)
    if fate is None:
        raise NeverReceived(str(position), source)
    if fate.verdict is Verdict.QUARANTINED:
        found = home.review.item(position)
        if found is None:
            raise NeverReceived(str(position), source)
        if found.item.event_id is None or looks_erased(found.item.event_id):
            return Why(found.item.source, None, (_told_item(home, found),), 0, None)
        own, id = found.item.source, found.item.event_id
        (accepted,) = home.review.locate([(own, id)])
        return _why(home, catalog, own, id, accepted, home.review.items_of(id, own))
    original = position if fate.original is None else fate.original
    stored = home.log.event_at(original)
    if stored is None:
        raise NeverReceived(str(position), source)
    items = home.review.items_of(stored.event.id, stored.event.source)
    return _why(home, catalog, stored.event.source, stored.event.id, original, items)


def _why(
    home: Home,
    catalog: Catalog,
    source: str,
    id: str,
    accepted: Position | None,
    items: tuple[ReviewedItem, ...] | list[ReviewedItem],
) -> Why:
    arrivals = [_told_item(home, item) for item in items]
    told, repeats = None, 0
    if accepted is not None:
        found = home.review.repeats(accepted, source, limit=REPEATS_SHOWN)
        repeats = found.total
        arrivals.append(_told_row(home, Fate(accepted, Verdict.ACCEPTED, Reason.NONE, None)))
        arrivals += [
            _told_row(home, Fate(each, Verdict.DUPLICATE, Reason.NONE, accepted)) for each in found.positions
        ]
        told = _told_accepted(home, catalog, accepted)
    arrivals.sort(key=lambda each: each.position)
    return Why(source, id, tuple(arrivals), repeats, told)


def _told_item(home: Home, found: ReviewedItem) -> Told:
    item, outcome = found.item, found.outcome
    became = None if outcome is None or outcome.new is None else home.review.fate(outcome.new)
    return Told(
        item.position,
        item.verdict,
        item.reason,
        item.received_at,
        item.origin,
        item.original,
        item.line,
        item.field,
        item.detail,
        outcome,
        found.released_from,
        became,
    )


def _told_row(home: Home, fate: Fate) -> Told:
    arrival = home.review.arrival(fate.position.batch)
    return Told(
        fate.position,
        fate.verdict,
        fate.reason,
        arrival.received_at,
        arrival.origin,
        fate.original,
        released_from=home.review.released_from(fate.position),
    )


def _told_accepted(home: Home, catalog: Catalog, position: Position) -> AcceptedTold | None:
    stored = home.log.event_at(position)
    if stored is None:
        return None
    event = stored.event
    erasure = home.review.erasure(position) if looks_erased(event.id) else None
    contract = catalog.contracts.get(event.type, event.contract_version)
    witness = Witness(position, event, stored.lane_a, stored.lane_b, contract, erasure)
    customer = owner_at(catalog, event.subject, event.time)
    targets = [(event.source, event.id)]
    retractions = home.log.retractions(watermark=home.log.head(), targets=targets)
    retraction = retractions[0] if retractions else None
    gone = None if retraction is None else retraction.position
    judging = _Judging(home, catalog, witness, customer, gone)
    fates = [fate for meter in _meters(catalog, witness) for fate in judging.fates_of(meter)]
    return AcceptedTold(stored, erasure, customer, tuple(fates), retraction)


def _meters(catalog: Catalog, witness: Witness) -> Iterator[Meter]:
    """Each meter of the event's type, in the version in force at its time."""
    for key in catalog.meters.keys:
        meter = catalog.meters.at(key, witness.event.time)
        if meter is not None and meter.event == witness.event.type:
            yield meter


class _Judging:
    """What all meters are asked about one event."""

    def __init__(
        self,
        home: Home,
        catalog: Catalog,
        witness: Witness,
        customer: CustomerId | None,
        retracted_by: Position | None,
    ) -> None:
        self._home = home
        self._catalog = catalog
        self._witness = witness
        self._customer = customer
        self._retracted_by = retracted_by
        self._sealed = SealedPeriods(home, catalog)
        self._signed = policies(home)
        event = witness.event
        owners = {*owners_ever(catalog, event.subject), *(() if customer is None else (customer,))}
        self._snapshots = [
            snapshot
            for owner in sorted(owners)
            for snapshot in home.books.invoices.snapshots(owner)
            if snapshot.event_type == event.type and _covers(snapshot, witness)
        ]

    def fates_of(self, meter: Meter) -> Iterator[MeterFate]:
        taken = [each for each in self._snapshots if each.meter == meter.key]
        if taken:
            yield from (self._sealed_fate(snapshot) for snapshot in taken)
            return
        left_out = self._left_out(meter)
        if left_out is not None:
            yield left_out
        elif self._retracted_by is not None:
            yield MeterFate(meter.key, meter.version, "retracted", retracted_by=self._retracted_by)
        elif self._customer is None:
            yield MeterFate(meter.key, meter.version, "unmatched")
        else:
            priced = list(self._open_fates(meter))
            yield from priced or [MeterFate(meter.key, meter.version, "unpriced")]

    def _left_out(self, meter: Meter, amount_field: str | None = None) -> MeterFate | None:
        """Why the meter does not count it, or a price does not that adds up another field of it as well."""
        event = meter_event(self._witness)
        selection = select(meter, event, amount_field)
        match selection:
            case NotMatched():
                return MeterFate(meter.key, meter.version, "not matched")
            case Excluded(reason):
                lacking = meter.field if meter.field not in (None, *event.fields) else amount_field
                said = f"no value in {lacking}" if reason == NO_VALUE else reason
                return MeterFate(meter.key, meter.version, "excluded", said)
            case _:
                return None

    def _sealed_fate(self, snapshot: StoredSnapshot) -> MeterFate:
        """As the meter version that was billed judges it."""
        meter = self._catalog.meters.version(snapshot.meter, snapshot.meter_version)
        amount_field = parse_breakdown(snapshot.breakdown).amount_field
        left_out = None if meter is None else self._left_out(meter, amount_field)
        if left_out is not None:
            return left_out
        invoice = self._home.books.invoices.find(snapshot.invoice)
        late = self._witness.position.batch > snapshot.watermark
        gone = self._retracted_by
        if gone is not None and (late or gone.batch <= snapshot.watermark):
            return MeterFate(snapshot.meter, snapshot.meter_version, "retracted", retracted_by=gone)
        return MeterFate(
            snapshot.meter,
            snapshot.meter_version,
            "counted",
            subscription=snapshot.subscription,
            period=snapshot.period,
            state="late" if late else "sealed",
            invoice=snapshot.invoice if invoice is None else invoice.number,
            lines=() if late or invoice is None else _lines_of(invoice, snapshot),
            retracted_by=gone,
        )

    def _open_fates(self, meter: Meter) -> Iterator[MeterFate]:
        assert self._customer is not None, "the caller looked"
        time = self._witness.event.time
        for subscription in self._catalog.subscriptions_of(self._customer):
            billed = billing_period(self._catalog, subscription, self._signed, time)
            period = billed.period
            try:
                found = segments(self._catalog, subscription, billed.whole, period)
            except NothingInForce as why_not:
                yield MeterFate(meter.key, meter.version, "unpriced", str(why_not), subscription.key, period)
                continue
            asked = [
                request
                for request in usage_requests(self._catalog, found)
                if request.meter == meter and request.period.contains(time)
            ]
            if not asked:
                continue
            lacking = [self._left_out(meter, request.breakdown.amount_field) for request in asked]
            if lacking[0] is not None:
                yield replace(lacking[0], subscription=subscription.key, period=period)
            else:
                missed = self._sealed.covers(subscription.key, time)
                counted = MeterFate(
                    meter.key, meter.version, "counted", subscription=subscription.key, period=period
                )
                if missed:
                    numbers = self._sealed.invoices_at(self._customer, time)
                    yield replace(counted, state="missed", invoice=numbers[0] if numbers else None)
                else:
                    yield self._unsealed_fate(counted, subscription.key, meter)

    def _unsealed_fate(self, counted: MeterFate, subscription: SubscriptionId, meter: Meter) -> MeterFate:
        """Open, and on an interim invoice where one that stands had seen it."""
        assert self._customer is not None, "the caller looked"
        found = on_interim(self._home, self._customer, subscription, meter, self._witness)
        if found is None:
            return replace(counted, state="open")
        return replace(counted, state="interim", invoice=found.number, lines=found.lines)


def _covers(snapshot: StoredSnapshot, witness: Witness) -> bool:
    event = witness.event
    spans = parse_lineage(snapshot.event_type, snapshot.predicate).spans
    return any(span.subject == event.subject and span.contains(event.time) for span in spans)


def _lines_of(invoice: StoredInvoice, snapshot: StoredSnapshot) -> tuple[LineId, ...]:
    """The lines of the sealed document that name this snapshot's meter and part of the period."""
    return tuple(
        line.id
        for line in read_document(invoice.number, invoice.document).lines
        if line.snapshot is not None
        and line.subscription == snapshot.subscription
        and line.snapshot.meter == snapshot.meter
        and line.snapshot.meter_version == snapshot.meter_version
        and line.snapshot.fingerprint == snapshot.fingerprint
    )
