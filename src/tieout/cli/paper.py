"""A stored invoice document, read back into records for drawing; one of another shape is refused."""

from __future__ import annotations

import msgspec

from tieout.kernel.errors import IntegrityViolation


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


class Step(msgspec.Struct, frozen=True):
    """One line of working."""

    text: str
    amount: str


class Span(msgspec.Struct, frozen=True):
    """Half-open, RFC 3339; `zone` only where the document gives one."""

    start: str
    end: str
    zone: str = "UTC"


class Terms(msgspec.Struct, frozen=True):
    """When it is due, in words."""

    text: str


class SnapshotOfDocument(msgspec.Struct, frozen=True):
    """How many events stand behind a line, and how many more would, had they not been retracted."""

    event_count: int
    meter_version: int
    retracted_count: int = 0


class ProgramOfDocument(msgspec.Struct, frozen=True):
    """The fee program under which lines stand together."""

    key: str
    version: int
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
    original_line: str | None = None
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
    None in documents of format 1.
    """

    id: str
    description: str
    meter: str | None
    quantity: str
    unit: str
    amount: str
    price: str
    price_version: int
    price_effective_from: str
    plan: str
    plan_version: int
    snapshot: SnapshotOfDocument | None
    steps: tuple[Step, ...]
    settlement: str | None = None
    program: ProgramOfDocument | None = None
    amount_after_discounts: str | None = None
    cumulative: CumulativeOfDocument | None = None
    earlier: tuple[EarlierOfDocument, ...] = ()
    correction: CorrectionOfDocument | None = None


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
    jurisdiction: str
    percent: str
    base: str
    amount: str
    inclusive: bool
    text: str
    note: str


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

    key: str
    version: int
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


class Document(msgspec.Struct, frozen=True):
    """The parts of an invoice document that are printed; its other members are evidence. What came with
    format 2 has a default.
    """

    id: str
    number: str | None
    status: str
    currency: str
    seller: Party
    customer: Party
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


def read_document(invoice: str, stored: bytes) -> Document:
    """The document, checked while it is read. Raises `NotAnInvoiceDocument`."""
    try:
        return msgspec.json.decode(stored, type=Document)
    except msgspec.DecodeError as error:
        raise NotAnInvoiceDocument(invoice, str(error)) from error
