"""A journal entry: postings whose debits equal their credits in each currency (L14). It is never edited; a
correction reverses it and posts what holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.ids import CustomerId, InvoiceId, LineId
from tieout.kernel.instant import Instant, to_datetime
from tieout.kernel.money import Money
from tieout.ledger.account import Account
from tieout.ledger.month import month_of


class Unbalanced(IntegrityViolation):
    """Debits and credits of an entry differ; it may not be posted."""

    code = "unbalanced-entry"

    def __init__(self, entry: str, currency: str, minor: int) -> None:
        super().__init__(f"Journal entry {entry} is off by {minor} minor units of {currency}.")


class EntryKind(StrEnum):
    """Why an entry was posted."""

    ACCRUAL = "accrual"
    INVOICE = "invoice"
    CREDITS_APPLIED = "credits-applied"
    CREDIT_NOTE = "credit-note"
    REVERSAL = "reversal"
    PAYMENT = "payment"
    REFUND = "refund"
    CREDIT_SOLD = "credit-sold"
    CREDIT_EXPIRED = "credit-expired"
    EARNED = "earned"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Posting:
    """`amount` debits the account above zero and credits it below. `line` is the invoice line it is for.
    `reverses` is the entry whose posting for that line it takes back, where its own takes back parts of
    others."""

    account: Account
    amount: Money
    line: LineId | None = None
    reverses: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """`effective_at` is when it counts economically, `effective_on` its date on the customer's calendar
    (None: in UTC); `accounting_period` (a month, `2026-02`) is where it was booked: the month of that date,
    or, where that was locked, the first one that was open. Both it and `booked_at` are None until it is
    posted. `id` is derived from what it is for, so that nothing is posted twice. `reverses` is the entry that
    it takes back as a whole; `person` whoever decided it, where that was a person. Raises `Unbalanced`.
    """

    id: str
    kind: EntryKind
    customer: CustomerId
    effective_at: Instant
    postings: tuple[Posting, ...]
    reason: str
    invoice: InvoiceId | None = None
    reverses: str | None = None
    person: str | None = None
    accounting_period: str | None = None
    booked_at: Instant | None = None
    effective_on: date | None = None

    @property
    def day(self) -> date:
        """The date of its effect."""
        return to_datetime(self.effective_at).date() if self.effective_on is None else self.effective_on

    @property
    def takes_back(self) -> tuple[str, ...]:
        """The entries that it takes back, whole or in part, each once."""
        named = (self.reverses, *(each.reverses for each in self.postings))
        return tuple(dict.fromkeys(each for each in named if each is not None))

    @property
    def booked_on(self) -> date:
        """Its date in the books: that of its effect, or, where that month was locked, the first day of the
        month where it was booked."""
        month = self.accounting_period
        if month is None or month == month_of(self.day):
            return self.day
        return date(int(month[:4]), int(month[5:]), 1)

    def __post_init__(self) -> None:
        off: dict[str, int] = {}
        for posting in self.postings:
            code = posting.amount.currency.code
            off[code] = off.get(code, 0) + posting.amount.minor
        for code, minor in off.items():
            if minor:
                raise Unbalanced(self.id, code, minor)
