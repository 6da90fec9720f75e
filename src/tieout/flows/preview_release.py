"""What releasing items would do, before anything is stored: the verdict each would get, and usage and rated
amounts of the open period before and after.

Nothing here is under a signed policy, and it says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tieout.aggregate.snapshot import Snapshot
from tieout.close.period_zone import zone_of
from tieout.close.rating import charges, usage_requests
from tieout.close.segments import Segment, segments
from tieout.contract.catalog import Catalog
from tieout.contract.event_contract import ContractBook
from tieout.contract.meter import Aggregation
from tieout.contract.retraction import RETRACTION_TYPE
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.home import Home
from tieout.flows.measure_usage import billing_period
from tieout.flows.ownership import SealedPeriods, owner_at
from tieout.flows.policy import NOT_SIGNED, policies
from tieout.flows.quarantine import quarantined
from tieout.flows.release_item import Correction, open_items, readmission
from tieout.ingest.event import Event, canonical_of
from tieout.ingest.hypothetical import as_if_stored
from tieout.ingest.rejection import Rejected
from tieout.ingest.retraction import target_of
from tieout.ingest.verdict import Verdict
from tieout.invoice.line import Line, settled_line
from tieout.kernel.digest import content_digest, identity_key, lanes
from tieout.kernel.errors import TieoutError
from tieout.kernel.ids import CustomerId, InvoiceId, Position, SubscriptionId, Watermark
from tieout.kernel.instant import Instant
from tieout.kernel.money import Money
from tieout.kernel.period import Period
from tieout.kernel.quantity import QUANTITY_ZERO, Quantity, Unmeasurable
from tieout.ports import LogManifest, TailPart
from tieout.ports.review import AlreadyDecided, Readmission
from tieout.table.retracted import with_more

PREVIEWED_MAX = 10_000
"""Items of a group that are previewed together; a larger group is previewed up to here, and says so."""

Identity = tuple[str, str]
Lanes = tuple[int, int]


@dataclass(frozen=True, slots=True)
class PreviewedItem:
    """The verdict that an item would get now, and whose usage it would be. `late_for` are sealed invoices
    whose period holds its time: they would not change, and the event would be late.
    """

    item: Position
    verdict: Verdict
    reason: str
    detail: str
    original: Position | None
    event: Event | None
    customer: CustomerId | None
    late_for: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EffectRow:
    """One line of a draft of the open period, without and with the items."""

    subscription: SubscriptionId
    description: str
    meter: str
    unit: str
    quantity_before: Quantity
    quantity_after: Quantity
    amount_before: Money
    amount_after: Money

    @property
    def changes(self) -> bool:
        return (self.quantity_before, self.amount_before) != (self.quantity_after, self.amount_after)


@dataclass(frozen=True, slots=True)
class Effect:
    """What changes for one customer in one open period. `problem`: why it cannot be said."""

    customer: CustomerId
    period: Period
    rows: tuple[EffectRow, ...]
    problem: str | None


@dataclass(frozen=True, slots=True)
class Preview:
    """As of the end of batch `watermark`; nothing was stored. `left_out`: items of the group beyond those
    shown.
    """

    watermark: Watermark
    items: tuple[PreviewedItem, ...]
    effects: tuple[Effect, ...]
    left_out: int = 0
    standing: str = NOT_SIGNED


@dataclass(frozen=True, slots=True)
class _Coming:
    """An event that would be accepted, with the lanes of its content digest."""

    event: Event
    lanes: Lanes


def preview_release(home: Home, position: str, *, correction: Correction | None = None) -> Preview:
    """Raises what a release of the item raises, and stores nothing."""
    found = quarantined(home, Position.parse(position))
    if found.outcome is not None:
        raise AlreadyDecided([found.outcome])
    catalog = load_catalog(home)
    return _preview(home, catalog, [readmission(home, catalog, found, correction, now=home.clock.now())])


def preview_group(home: Home, group: str) -> Preview:
    """The items of a group together: their usage adds up."""
    catalog, now = load_catalog(home), home.clock.now()
    coming: list[Readmission] = []
    left_out = 0
    for page in open_items(home, group):
        room = PREVIEWED_MAX - len(coming)
        coming += [readmission(home, catalog, found, None, now=now) for found in page[:room]]
        left_out += len(page[room:])
    return replace(_preview(home, catalog, coming), left_out=left_out)


def _preview(home: Home, catalog: Catalog, coming: Sequence[Readmission]) -> Preview:
    manifest = home.log.manifest()
    events = [each.decoded for each in coming if isinstance(each.decoded, Event)]
    identities = list(dict.fromkeys((event.source, event.id) for event in events))
    stored = dict(zip(identities, home.review.locate(identities), strict=True))
    first: dict[Identity, Lanes] = {}
    accepted: list[_Coming] = []
    items = []
    sealed = SealedPeriods(home, catalog)
    for each in coming:
        item = _judged(home, catalog, each, stored, first, sealed)
        if item.verdict is Verdict.ACCEPTED and item.event is not None:
            accepted.append(_Coming(item.event, first[item.event.source, item.event.id]))
        items.append(item)
    levels = {meter.event for meter in catalog.meters if meter.aggregation is Aggregation.TIME_WEIGHTED}
    touching = []
    for event, item in zip((each.event for each in accepted), _accepted(items), strict=True):
        if not item.late_for:
            touching.append((event, event.time))
        if event.type in levels:  # the level that it states may hold until now
            touching.append((event, home.clock.now()))
    effects = _effects(home, catalog, manifest, accepted, touching)
    return Preview(manifest.watermark, tuple(items), tuple(effects))


def _accepted(items: Iterable[PreviewedItem]) -> list[PreviewedItem]:
    return [item for item in items if item.verdict is Verdict.ACCEPTED]


def _judged(
    home: Home,
    catalog: Catalog,
    coming: Readmission,
    stored: dict[Identity, Position | None],
    first: dict[Identity, Lanes],
    sealed: SealedPeriods,
) -> PreviewedItem:
    decoded = coming.decoded
    if isinstance(decoded, Rejected):
        detail = f"{decoded.field}: {decoded.detail}" if decoded.field else decoded.detail
        return PreviewedItem(
            coming.item, Verdict.QUARANTINED, decoded.reason.code, detail, None, None, None, ()
        )
    identity = (decoded.source, decoded.id)
    own = _lanes(home, catalog.contracts, decoded)
    original = stored[identity]
    customer = owner_at(catalog, decoded.subject, decoded.time)
    if original is not None or identity in first:
        same = first[identity] == own if original is None else _repeats(home, catalog, coming, original, own)
        verdict = Verdict.DUPLICATE if same else Verdict.CONFLICT
        reason = "" if same else "identity-conflict"
        where = "an item released before it" if original is None else str(original)
        detail = f"the same source and id as {where}, with {'the same' if same else 'other'} content"
        return PreviewedItem(coming.item, verdict, reason, detail, original, decoded, customer, ())
    first[identity] = own
    late = () if customer is None else sealed.late_for(customer, decoded.time)
    return PreviewedItem(coming.item, Verdict.ACCEPTED, "", "", None, decoded, customer, late)


def _lanes(home: Home, book: ContractBook, event: Event) -> Lanes:
    contract = book.get(event.type, event.contract_version)
    assert contract is not None, "an event keeps a contract of this book"
    key = identity_key(home.log.identity_secret, event.source, event.id)
    return lanes(content_digest(key, canonical_of(event, contract)))


def _repeats(home: Home, catalog: Catalog, coming: Readmission, original: Position, own: Lanes) -> bool:
    """As the log judges: equal as it is, or once typed by the original's contract version."""
    stored = home.log.event_at(original)
    if stored is None:
        return False
    if own == (stored.lane_a, stored.lane_b):
        return True
    contract = catalog.contracts.get(stored.event.type, stored.event.contract_version)
    if contract is None:
        return False
    book = ContractBook([contract])
    again = coming.redecode(book)
    if not isinstance(again, Event) or not isinstance(coming.decoded, Event):
        return False
    again = replace(again, id=coming.decoded.id)
    return _lanes(home, book, again) == (stored.lane_a, stored.lane_b)


def _effects(
    home: Home,
    catalog: Catalog,
    manifest: LogManifest,
    coming: Sequence[_Coming],
    touching: Sequence[tuple[Event, Instant]],
) -> list[Effect]:
    """`touching`: events with the instants whose periods they may change."""
    with_them = _with(manifest, catalog, coming)
    signed = policies(home)
    touched: dict[tuple[CustomerId, Period], list[Segment]] = {}
    problems: dict[tuple[CustomerId, Period], str] = {}
    done: set[tuple[SubscriptionId, Period]] = set()
    for event, instant in touching:
        customer = owner_at(catalog, event.subject, instant)
        if customer is None:
            continue
        for subscription in catalog.subscriptions_of(customer):
            billed = billing_period(catalog, subscription, signed, instant)
            period = billed.period
            if (subscription.key, period) in done:
                continue
            done.add((subscription.key, period))
            try:
                found = segments(catalog, subscription, billed.whole, period)
                touched.setdefault((customer, period), []).extend(found)
            except TieoutError as error:
                problems[customer, period] = str(error)
    effects = [
        _effect(home, catalog, customer, period, found, manifest, with_them)
        for (customer, period), found in sorted(touched.items(), key=lambda pair: pair[0])
    ]
    stopped = [Effect(customer, period, (), why) for (customer, period), why in sorted(problems.items())]
    return effects + stopped


def _with(manifest: LogManifest, catalog: Catalog, coming: Sequence[_Coming]) -> LogManifest:
    """The log as it would be with these events in one more batch."""
    batch = manifest.watermark + 1
    parts: list[TailPart] = []
    groups: dict[tuple[str, int], list[_Coming]] = {}
    for each in coming:
        groups.setdefault((each.event.type, each.event.contract_version), []).append(each)
    for (event_type, version), group in sorted(groups.items()):
        contract = catalog.contracts.get(event_type, version)
        assert contract is not None, "an event keeps a contract of this book"
        table = as_if_stored(
            [each.event for each in group], [each.lanes for each in group], contract, batch=batch
        )
        parts.append(TailPart(contract.type, version, table))
    named = [
        (*target_of(each.event), batch, row)
        for row, each in enumerate(coming)
        if each.event.type == RETRACTION_TYPE
    ]
    retracted = with_more(manifest.retracted, named)
    return LogManifest(Watermark(batch), manifest.segments, (*manifest.tail, *parts), retracted)


def _effect(
    home: Home,
    catalog: Catalog,
    customer: CustomerId,
    period: Period,
    found: list[Segment],
    before: LogManifest,
    after: LogManifest,
) -> Effect:
    requests = usage_requests(catalog, found)
    zone = zone_of(catalog, customer, period)
    drafts = []
    for manifest in (before, after):
        answers = home.engine.measure_each(requests, manifest)
        refused = next((each for each in answers if isinstance(each, Unmeasurable)), None)
        if refused is not None:
            return Effect(customer, period, (), str(refused))
        snapshots = [each for each in answers if isinstance(each, Snapshot)]
        try:
            rated = charges(found, snapshots)
            drafts.append(
                [
                    settled_line(InvoiceId("preview"), place, charge, zone_name=zone)
                    for place, charge in enumerate(rated, start=1)
                ]
            )
        except TieoutError as error:
            return Effect(customer, period, (), str(error))
    return Effect(customer, period, _rows(*drafts), None)


def _rows(before: Sequence[Line], after: Sequence[Line]) -> tuple[EffectRow, ...]:
    """One row for each line of either draft; a group of usage may be in one of them alone."""
    old = {_line_name(line): line for line in before}
    new = {_line_name(line): line for line in after}
    rows = []
    for name in dict.fromkeys((*old, *new)):
        was, becomes = old.get(name), new.get(name)
        line = becomes or was
        assert line is not None, "the name is that of a line"
        nothing = Money(0, line.amount.currency)
        rows.append(
            EffectRow(
                line.charge.subscription,
                line.description,
                line.meter or "",
                line.unit,
                QUANTITY_ZERO if was is None else was.quantity,
                QUANTITY_ZERO if becomes is None else becomes.quantity,
                nothing if was is None else was.amount,
                nothing if becomes is None else becomes.amount,
            )
        )
    return tuple(rows)


def _line_name(line: Line) -> tuple[object, ...]:
    charge = line.charge
    return (charge.subscription, charge.price.key, charge.price.version, charge.segment, charge.group)
