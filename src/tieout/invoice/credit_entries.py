"""What movements of prepaid credits mean for the ledger.

A paid grant is money received that is owed as service: a liability until it is used, taken back or expired. A
promotional one was never paid: nothing is owed, and it costs revenue when it pays for something.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache

from tieout.balance.grant import GrantKind
from tieout.balance.movement import Movement, MovementKind
from tieout.invoice.invoice import Invoice
from tieout.kernel.calendar import local_date
from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.zone import zone
from tieout.ledger.account import Account
from tieout.ledger.entry import Entry, EntryKind, Posting


class GrantUnknown(IntegrityViolation):
    """A movement of a grant whose granting is not among the customer's movements."""

    code = "grant-unknown"

    def __init__(self, movement: Movement) -> None:
        super().__init__(f"Movement {movement.id} moves {movement.account}, which was never granted.")


WHAT = {
    MovementKind.GRANTED: (EntryKind.CREDIT_SOLD, Account.CLEARING, "credit sold"),
    MovementKind.VOIDED: (EntryKind.REFUND, Account.CLEARING, "credit taken back"),
    MovementKind.EXPIRED: (EntryKind.CREDIT_EXPIRED, Account.BREAKAGE, "credit expired unused"),
}
"""Kind of entry, and the account on the other side of paid credits."""


def credit_entries(
    moved: Iterable[Movement], opening: Iterable[Movement] = (), *, zone_name: str
) -> list[Entry]:
    """Of paid grants that were made, taken back or expired; their ids are those of the movements, their
    dates those of the customer's zone."""
    concerned = [each for each in moved if each.kind in WHAT]
    if not concerned:
        return []
    paid = _paid_accounts((*opening, *concerned))
    found = []
    for each in concerned:
        if each.account not in paid:
            raise GrantUnknown(each)
        if not paid[each.account] or not each.amount.minor:
            continue
        kind, other, words = WHAT[each.kind]
        found.append(
            Entry(
                id=each.id,
                kind=kind,
                customer=each.customer,
                effective_at=each.effective_at,
                postings=(Posting(other, each.amount), Posting(Account.PAID_CREDITS, -each.amount)),
                reason=each.reason if each.person else words,
                invoice=each.invoice,
                person=each.person,
                effective_on=local_date(each.effective_at, zone(zone_name)),
            )
        )
    return found


def paid_by_kind(invoice: Invoice, moved: Sequence[Movement], opening: Sequence[Movement]) -> tuple[int, int]:
    """How much of the invoice paid grants pay, and how much promotional ones, in minor units."""
    used = [each for each in moved if each.kind is MovementKind.USED and each.invoice == invoice.id]
    if not used:
        return 0, 0
    paid = _paid_accounts((*opening, *moved))
    sums = {True: 0, False: 0}
    for each in used:
        if each.account not in paid:
            raise GrantUnknown(each)
        sums[paid[each.account]] -= each.amount.minor
    return sums[True], sums[False]


def _paid_accounts(movements: Iterable[Movement]) -> dict[str, bool]:
    """Whether each granted account was paid for."""
    return {each.account: _is_paid(each.details) for each in movements if each.kind is MovementKind.GRANTED}


@lru_cache(maxsize=1024)
def _is_paid(details: str) -> bool:
    return bool(json.loads(details)["kind"] == GrantKind.PAID.value)
