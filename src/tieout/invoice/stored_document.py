"""A stored invoice document, of a sealed paper or of a draft, read back into records; one of another shape is
refused.

Exact numbers stay the texts that they are on paper, instants RFC 3339. Members that documents have not had
from the beginning have a default. Checks of what was stored (`tieout verify`, a trace, a pack's verifier)
read the bytes by code of their own: what was changed there is to be named, and not refused.
"""

from __future__ import annotations

import msgspec

from tieout.contract.tax import STANDARD_CATEGORY
from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.ids import (
    CustomerId,
    InvoiceId,
    LineId,
    MeterKey,
    PlanKey,
    PolicyKey,
    PriceKey,
    SellerKey,
    SubscriptionId,
)
from tieout.kernel.instant import parse_instant
from tieout.kernel.period import Period
from tieout.rate.charge import GroupName


class NotAnInvoiceDocument(IntegrityViolation):
    """The stored bytes are no invoice of a format that this version writes."""

    code = "not-an-invoice-document"

    def __init__(self, invoice: str, reason: str) -> None:
        super().__init__(f"The stored document of {invoice} cannot be read: {reason}.")


class Party(msgspec.Struct, frozen=True):
    """Seller or customer as printed."""

    name: str
    address: tuple[str, ...] = ()
    tax_id: str | None = None
    email: str | None = None


class CustomerOfDocument(Party, frozen=True, kw_only=True):
    """With the version of the catalog's profile."""

    id: CustomerId
    version: int


class SellerOfDocument(Party, frozen=True, kw_only=True):
    """With the version of the catalog's profile."""

    key: SellerKey
    version: int


class Step(msgspec.Struct, frozen=True):
    """One line of working."""

    text: str
    amount: str


class Span(msgspec.Struct, frozen=True):
    """Half-open, RFC 3339; `zone` only where the document gives one."""

    start: str
    end: str
    zone: str = "UTC"

    @property
    def period(self) -> Period:
        return Period(parse_instant(self.start), parse_instant(self.end))


class Terms(msgspec.Struct, frozen=True):
    """When it is due, in words."""

    text: str


class SnapshotOfDocument(msgspec.Struct, frozen=True):
    """What was counted for a line: by which meter, when, and how many events, and how many more there would
    be, had they not been retracted."""

    meter: MeterKey
    meter_version: int
    meter_digest: str
    period: Span
    event_count: int
    fingerprint: str
    retracted_count: int = 0


class ProgramOfDocument(msgspec.Struct, frozen=True):
    """The fee program under which lines stand together."""

    key: str
    version: int
    digest: str
    name: str
    source: str
    as_of: str


class EarlierOfDocument(msgspec.Struct, frozen=True):
    """A line of an earlier paper that settled part of this one's charge."""

    number: str
    quantity: str
    amount: str


class CumulativeOfDocument(msgspec.Struct, frozen=True):
    """What a charge comes to in all, with what earlier papers settled."""

    quantity: str
    amount: str


class CorrectionOfDocument(msgspec.Struct, frozen=True):
    """Why a sealed period is billed again, and which line first billed it."""

    period: Span
    causes: tuple[str, ...]
    late_events: int
    retracted_events: int
    reason: str
    original_line: LineId | None = None
    superseded_price_version: int | None = None

    @property
    def is_credit(self) -> bool:
        """Whether people agreed on it: nothing was rated again."""
        return not {"a credit that was agreed", "a billing error"}.isdisjoint(self.causes)


class ConditionOfDocument(msgspec.Struct, frozen=True):
    """A condition of the policy that held."""

    condition: str
    text: str


class OffCycleOfDocument(msgspec.Struct, frozen=True):
    """Why a period that runs was billed, and as of when."""

    as_of: str
    conditions: tuple[ConditionOfDocument, ...]


class LineOfDocument(msgspec.Struct, frozen=True):
    """One line as stored; `settlement` says how it was rounded, where it was. `amount_after_discounts` is
    None in documents of format 1. `share_of`: the calendar period of which the line bills a share, where that
    is longer than the invoice's.
    """

    id: LineId
    description: str
    subscription: SubscriptionId
    meter: MeterKey | None
    quantity: str
    unit: str
    amount: str
    price: PriceKey
    price_version: int
    price_digest: str
    price_effective_from: str
    plan: PlanKey
    plan_version: int
    segment: Span
    snapshot: SnapshotOfDocument | None
    steps: tuple[Step, ...]
    settlement: str | None = None
    program: ProgramOfDocument | None = None
    amount_after_discounts: str | None = None
    cumulative: CumulativeOfDocument | None = None
    earlier: tuple[EarlierOfDocument, ...] = ()
    correction: CorrectionOfDocument | None = None
    group: GroupName = ()
    share_of: Span | None = None
    tax_category: str = STANDARD_CATEGORY

    @property
    def net(self) -> str:
        """The amount, less what coupons took off."""
        return self.amount if self.amount_after_discounts is None else self.amount_after_discounts


class DiscountOfDocument(msgspec.Struct, frozen=True):
    """A coupon, and what it took off."""

    name: str
    coupon: str
    coupon_version: int
    amount: str
    text: str


class TaxOfDocument(msgspec.Struct, frozen=True):
    """A rate on a base."""

    name: str
    reference: str
    version: int
    digest: str
    jurisdiction: str
    percent: str
    base: str
    amount: str
    inclusive: bool
    compound: bool
    rounding: str
    lines: tuple[LineId, ...]
    note: str
    text: str = ""


class CreditOfDocument(msgspec.Struct, frozen=True):
    """What an account of the customer paid."""

    account: str
    text: str
    amount: str


class SignatureOfDocument(msgspec.Struct, frozen=True):
    """Who signed the policy."""

    role: str
    key_id: str


class PolicyOfDocument(msgspec.Struct, frozen=True):
    """The policy the invoice stands under."""

    key: PolicyKey
    version: int
    digest: str
    signatures: tuple[SignatureOfDocument, ...]
    small_team_exception: str | None


class MeterApprovalOfDocument(msgspec.Struct, frozen=True):
    """Who signed a change of a meter."""

    meter: str
    version: int
    owner: str


class SignerOfWaiver(msgspec.Struct, frozen=True):
    """One of the three who let a difference pass."""

    role: str
    person: str


class WaiverOfDocument(msgspec.Struct, frozen=True):
    """A difference to what a source states, in spite of which the invoice was sealed."""

    source: str
    statement: str
    difference: str
    reason: str
    signed_by: list[SignerOfWaiver]


class StoredDocument(msgspec.Struct, frozen=True):
    """The parts of an invoice document that somebody reads; its other members are evidence. `due` is None in
    documents of format 1, which knew no credits: all of the total is due.
    """

    id: InvoiceId
    number: str | None
    status: str
    currency: str
    seller: SellerOfDocument
    customer: CustomerOfDocument
    period: Span
    issued_at: str | None
    due_date: str | None
    purchase_order: str | None
    terms: Terms
    lines: tuple[LineOfDocument, ...]
    subtotal: str
    total: str
    cutoff: int
    policy: PolicyOfDocument
    discounts: tuple[DiscountOfDocument, ...] = ()
    taxes: tuple[TaxOfDocument, ...] = ()
    credits: tuple[CreditOfDocument, ...] = ()
    due: str | None = None
    meter_approvals: tuple[MeterApprovalOfDocument, ...] = ()
    paper: str = "invoice"
    replaces: tuple[str, ...] = ()
    waivers: tuple[WaiverOfDocument, ...] = ()
    kind: str = "final"
    sequence: int = 1
    off_cycle: OffCycleOfDocument | None = None


def read_document(invoice: str, stored: bytes) -> StoredDocument:
    """The document, checked while it is read; `invoice` names it in the error. Raises
    `NotAnInvoiceDocument`."""
    try:
        return msgspec.json.decode(stored, type=StoredDocument)
    except msgspec.DecodeError as error:
        raise NotAnInvoiceDocument(invoice, str(error)) from error
