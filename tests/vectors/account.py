"""One customer with one subscription, from TOML as a person would apply it to the invoice that comes of it.

Nothing is computed here: documents are read and checked, events decoded and measured, segments rated, charges
settled and added up by the packages of the path, in their order.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tests.records import POLICY
from tieout.aggregate.event import MeterEvent
from tieout.aggregate.measure import measure
from tieout.balance.movement import Movement
from tieout.close.calendar import CALENDAR_FIRST
from tieout.close.coupons import coupons_of
from tieout.close.credits import counts_at
from tieout.close.fees import fee_movements, fees_due, in_advance
from tieout.close.rating import charges, usage_requests
from tieout.close.segments import segments
from tieout.close.taxation import taxation_of
from tieout.contract.catalog import Catalog
from tieout.contract.check import check
from tieout.contract.document import parse_documents
from tieout.contract.party import Customer
from tieout.contract.subscription import Subscription
from tieout.ingest.decode_json import decode_item
from tieout.ingest.event import Event, canonical_of, tagged
from tieout.invoice.draft import draft
from tieout.invoice.invoice import Invoice
from tieout.kernel.cadence import Cadence
from tieout.kernel.calendar import Anchor, period_at
from tieout.kernel.digest import content_digest, identity_key, lanes
from tieout.kernel.ids import Position, SourceName, Watermark
from tieout.kernel.instant import Instant, format_instant, parse_instant
from tieout.kernel.period import Period
from tieout.rate.charge import Charge

Members = Mapping[str, object]

KEY = "k"
SECRET = bytes(32)
ALWAYS = "2000-01-01T00:00:00Z"
RECEIVED_AT = parse_instant("2090-01-01T00:00:00Z")
HEAD: Members = {"key": KEY, "version": 1, "effective_from": ALWAYS}
EVENT: Members = {
    "type": "used",
    "version": 1,
    "effective_from": ALWAYS,
    "description": "Usage.",
    "reach_days_max": 36_600,
    "fields": {
        "value": {"type": "decimal", "use": "billing"},
        "amount": {"type": "decimal", "use": "billing"},
    },
}
METER: Members = {
    "definition": "Usage.",
    "owner": "o",
    "event": "used",
    "aggregation": "sum",
    "field": "value",
}
SELLER: Members = {"name": "Us", "address": ["Here"], "number_series": "S"}
CUSTOMER: Members = {"name": "They", "address": ["There"], "seller": KEY, "zone": "UTC", "currency": "USD"}
PRICE: Members = {"currency": "USD", "description": "Usage", "meter": KEY}
PHASE: Members = {"plan": KEY, "from": ALWAYS}


@dataclass(frozen=True)
class Used:
    """One event; `at` None: as the period starts."""

    value: str
    at: Instant | None = None


@dataclass(frozen=True)
class Account:
    """`subscription` and `customer` are the only ones of the catalog."""

    catalog: Catalog

    @property
    def subscription(self) -> Subscription:
        return self.catalog.subscriptions.versions(KEY)[-1]

    @property
    def customer(self) -> Customer:
        return self.catalog.customers.versions(KEY)[-1]

    @property
    def anchor(self) -> Anchor:
        cadence = self.catalog.plans_of(self.subscription.phases[0])[0].cadence or Cadence.MONTHLY
        return Anchor(cadence, self.customer.zone, self.customer.anchor or CALENDAR_FIRST)

    def period_at(self, instant: Instant) -> Period:
        return period_at(self.anchor, instant)

    def charges(self, period: Period, used: Iterable[Used] = ()) -> list[Charge]:
        """The charges of the period for the segments that it has, measured by the plain definition."""
        found = segments(self.catalog, self.subscription, period)
        events = [self._event(each, row, period) for row, each in enumerate(used)]
        requests = usage_requests(self.catalog, found)
        return charges(found, [measure(request, events, Watermark(1)) for request in requests])

    def invoice(self, period: Period, used: Iterable[Used] = ()) -> Invoice:
        """The invoice of a period, where fees are due with it."""
        return self._draft(period, self.charges(period, used))

    def invoice_ahead(
        self, period: Period, opening: Sequence[Movement] = ()
    ) -> tuple[Invoice, list[Movement]]:
        """The invoice of a period where fees are due in advance: with the fee of the next one, and less what
        was not used of the fees that `opening` says were billed. And what is recorded of it.
        """
        coming = segments(self.catalog, self.subscription, self.period_at(period.end))
        found = [*segments(self.catalog, self.subscription, period), *coming]
        assert all(in_advance(segment.price) for segment in found)
        fees = fees_due(self.catalog, [self.subscription], found, opening, period)
        invoice = self._draft(period, [*charges(fees.segments, []), *fees.credits])
        return invoice, fee_movements(fees, invoice, at=counts_at(period))

    def _draft(self, period: Period, rated: Sequence[Charge]) -> Invoice:
        seller = self.catalog.sellers.versions(KEY)[-1]
        held = [self.subscription]
        return draft(
            customer=self.customer,
            seller=seller,
            period=period,
            charges=rated,
            cutoff=Watermark(1),
            policy=POLICY,
            tzdata_version="",
            software_version="",
            coupons=coupons_of(self.catalog, self.customer, held, period, defaults=()),
            taxation=taxation_of(self.catalog, self.customer, seller, period),
        )

    def _event(self, used: Used, row: int, period: Period) -> MeterEvent:
        at = format_instant(period.start if used.at is None else used.at)
        data = {"value": used.value, "amount": used.value}
        item = {"source": "s", "id": str(row), "type": "used", "subject": KEY, "time": at, "data": data}
        book = self.catalog.contracts
        event = decode_item(json.dumps(item).encode(), book, received_at=RECEIVED_AT, default_source=None)
        assert isinstance(event, Event), event
        promise = self.catalog.events.versions("used")[-1]
        digest = content_digest(identity_key(SECRET, event.source, event.id), canonical_of(event, promise))
        texts = {name: text[1:] for name, text in tagged(event, promise).items()}
        at_row, source = Position(1, row), SourceName(event.source)
        return MeterEvent(
            at_row, source, event.id, event.type, event.subject, event.time, *lanes(digest), texts
        )


def account(
    *prices: Members,
    plans: Mapping[str, Members] | None = None,
    phases: Sequence[Members] = (PHASE,),
    customer: Members | None = None,
    meter: Members | None = None,
    subscription: Members | None = None,
    cadence: str = "monthly",
    also: Sequence[str] = (),
) -> Account:
    """Prices stand in the one plan, or where `plans` says. Members given replace those of the same name; with
    None they are left out. `also`: further documents.
    """
    keys = list(dict.fromkeys(str(price.get("key", KEY)) for price in prices))
    currency = next((price["currency"] for price in prices if "currency" in price), "USD")
    listed = {KEY: {}} if plans is None else plans
    shared = {"name": "Plan", "currency": currency, "cadence": cadence, "prices": keys}
    text = "\n".join(
        [
            document("event", EVENT),
            document("meter", HEAD, {"unit": "unit"}, METER, meter or {}),
            document("seller", HEAD, SELLER),
            document("customer", HEAD, CUSTOMER, {"currency": currency}, customer or {}),
            document("subject", {"subject": KEY, "customer": KEY, "from": ALWAYS}),
            *(document("price", HEAD, PRICE, price) for price in prices),
            *(document("plan", HEAD, shared, {"key": key}, members) for key, members in listed.items()),
            document("subscription", HEAD, {"customer": KEY, "phase": list(phases)}, subscription or {}),
            *also,
        ]
    )
    documents, problems = parse_documents("vector.toml", text)
    catalog, more = check(documents)
    assert catalog is not None and not problems, [*problems, *more]
    return Account(catalog)


def document(kind: str, *members: Members) -> str:
    merged = {name: value for each in members for name, value in each.items()}
    lines = [f"{name} = {toml(value)}" for name, value in merged.items() if value is not None]
    return "\n".join([f"[[{kind}]]", *lines])


def toml(value: object) -> str:
    """A value as TOML writes it: texts and numbers as JSON does, tables inline."""
    if isinstance(value, Mapping):
        return (
            "{"
            + ", ".join(f"{name} = {toml(each)}" for name, each in value.items() if each is not None)
            + "}"
        )
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    return json.dumps(value)
