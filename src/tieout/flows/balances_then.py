"""The balances that a sealed invoice started from, for whoever drafts it once more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tieout.balance.movement import Movement
from tieout.close.credits import counts_at
from tieout.correction.carried import corrected_period
from tieout.evidence.stored import StoredInvoice
from tieout.flows.due_accounts import DueAccount
from tieout.flows.home import Home
from tieout.kernel.ids import CustomerId
from tieout.kernel.period import Period

Opening = Mapping[CustomerId, tuple[Movement, ...]]


def one_by_one(
    home: Home, accounts: Sequence[DueAccount], sealed: Mapping[tuple[CustomerId, Period], StoredInvoice]
) -> Iterator[tuple[list[DueAccount], Opening]]:
    """The accounts in rounds that hold no customer twice, each with the movements before its invoice: a draft
    starts from what was sealed, never from another draft.
    """
    recorded = home.books.movements.of(sorted({account.customer for account in accounts}))
    waiting = list(accounts)
    while waiting:
        chosen: dict[CustomerId, DueAccount] = {}
        for account in waiting:
            chosen.setdefault(account.customer, account)
        yield (
            list(chosen.values()),
            {
                customer: opening_then(recorded.get(customer, ()), sealed[customer, account.period])
                for customer, account in chosen.items()
            },
        )
        waiting = [account for account in waiting if chosen[account.customer] is not account]


def opening_then(movements: Sequence[Movement], invoice: StoredInvoice) -> tuple[Movement, ...]:
    """Of what was recorded by the time that it was sealed: those of papers before it, those that are of no
    paper, and what its own corrections moved for earlier periods."""
    at = counts_at(invoice.period)

    def is_before(each: Movement) -> bool:
        if each.invoice == invoice.id:
            return corrected_period(each) is not None
        return each.invoice is None or each.effective_at < at

    return tuple(
        each
        for each in movements
        if each.recorded_at is not None and each.recorded_at <= invoice.sealed_at and is_before(each)
    )
