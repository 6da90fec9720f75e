"""A voided invoice's period is due again: its replacement has the next sequence, and names the voided."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from tieout.evidence.stored_corrections import StoredVoid
from tieout.flows.due_accounts import DueAccount


def replacing(accounts: Iterable[DueAccount], voids: Sequence[StoredVoid]) -> tuple[DueAccount, ...]:
    """The accounts; those of a period that was billed by papers now voided, in the place of these."""
    return tuple(_replacing(account, voids) for account in accounts) if voids else tuple(accounts)


def _replacing(account: DueAccount, voids: Sequence[StoredVoid]) -> DueAccount:
    before = [
        each.invoice
        for each in voids
        if (each.invoice.customer, each.invoice.kind) == (account.customer, account.kind)
        and each.invoice.period.overlaps(account.period)
    ]
    same = [each.sequence for each in before if each.period == account.period]
    sequence = max([account.sequence, *(each + 1 for each in same)])
    return replace(account, sequence=sequence, replaces=tuple(each.number for each in before))
