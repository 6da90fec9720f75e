"""Balances are sums of postings, and nothing else (L14)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tieout.kernel.ids import CustomerId, InvoiceId
from tieout.kernel.money import Currency, Money
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
