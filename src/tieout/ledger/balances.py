"""Balances are sums of postings, and nothing else (L14)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tieout.kernel.ids import CustomerId, InvoiceId
from tieout.kernel.money import Currency, Money, currency
from tieout.ledger.account import Account
from tieout.ledger.entry import Entry


@dataclass(frozen=True, slots=True)
class Selection:
    """Which entries: those of a customer, of an invoice, with a posting on an account, booked in the months
    from `since` to `until`, both included. None asks for all."""

    customer: CustomerId | None = None
    invoice: InvoiceId | None = None
    account: Account | None = None
    since: str | None = None
    until: str | None = None

    def has(self, entry: Entry) -> bool:
        """Whether an entry that is in an accounting period is one of them."""
        month = entry.accounting_period or ""
        return (
            self.customer in (None, entry.customer)
            and self.invoice in (None, entry.invoice)
            and (self.account is None or any(each.account is self.account for each in entry.postings))
            and (self.since is None or self.since <= month)
            and (self.until is None or month <= self.until)
        )


EVERYTHING = Selection()


@dataclass(frozen=True, slots=True)
class Balance:
    """The postings of one account, customer and currency added up, in minor units; credits are below zero."""

    account: Account
    customer: CustomerId
    currency: Currency
    debits: int
    credits: int

    @property
    def amount(self) -> Money:
        return Money(self.debits + self.credits, self.currency)


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One account over all customers. `debits` and `credits` are sums of postings, in minor units."""

    account: Account
    currency: Currency
    debits: int
    credits: int

    @property
    def amount(self) -> Money:
        return Money(self.debits + self.credits, self.currency)


def balances_of(entries: Iterable[Entry]) -> tuple[Balance, ...]:
    """By account in the order of the chart, customer and currency."""
    sides: dict[tuple[int, CustomerId, str], list[int]] = {}
    chart = list(Account)
    for entry in entries:
        for each in entry.postings:
            key = chart.index(each.account), entry.customer, each.amount.currency.code
            sums = sides.setdefault(key, [0, 0])
            sums[each.amount.minor < 0] += each.amount.minor
    return tuple(
        Balance(chart[place], customer, currency(code), debits, credits_)
        for (place, customer, code), (debits, credits_) in sorted(sides.items())
    )


def trial_balance(balances: Iterable[Balance]) -> tuple[TrialRow, ...]:
    """By currency, then account in the order of the chart: within a currency, all rows come to zero."""
    found: dict[tuple[str, Account], TrialRow] = {}
    for each in balances:
        key = (each.currency.code, each.account)
        row = found.get(key, TrialRow(each.account, each.currency, 0, 0))
        found[key] = TrialRow(
            each.account, each.currency, row.debits + each.debits, row.credits + each.credits
        )
    chart = list(Account)
    return tuple(found[key] for key in sorted(found, key=lambda key: (key[0], chart.index(key[1]))))


def open_receivable(entries: Iterable[Entry], invoice: InvoiceId) -> int:
    """What the customer still owes on an invoice, in minor units: payments, credits and credit notes that
    were put against it are entries of that invoice."""
    return sum(
        posting.amount.minor
        for entry in entries
        if entry.invoice == invoice
        for posting in entry.postings
        if posting.account is Account.RECEIVABLE
    )
