"""What drafts that wait would post, beside the trial balance of what is posted: as a table and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.cli.ledger_shown import trial_row_json
from tieout.cli.screen import Json, grouped, note, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from tieout.flows.waiting_entries import WaitingDraft
    from tieout.ledger.account import Account
    from tieout.ledger.balances import TrialRow

Key = tuple[str, "Account"]


def proposed_table(rows: Sequence[TrialRow], waiting: Sequence[WaitingDraft]) -> Table:
    """Each account as posted, as proposed and with both; credits below zero."""
    from tieout.kernel.money import Money, currency
    from tieout.ledger.account import Account

    posted, proposed = _by_account(rows), _by_account(_rows(waiting))
    chart = list(Account)
    cells = []
    for code, account in sorted({*posted, *proposed}, key=lambda key: (key[0], chart.index(key[1]))):
        one, other = posted.get((code, account), 0), proposed.get((code, account), 0)
        amounts = [Money(minor, currency(code)).decimal_text for minor in (one, other, one + other)]
        cells.append([account.value, *map(grouped, amounts), code])
    return table(("account", "posted>", "proposed>", "with proposed>", "currency"), cells)


def proposed_json(rows: Sequence[TrialRow], waiting: Sequence[WaitingDraft]) -> Json:
    """Whose drafts, what they would post, and what the accounts would come to with it."""
    from tieout.kernel.money import Money, currency
    from tieout.ledger.account import Account

    found = _rows(waiting)
    posted, proposed = _by_account(rows), _by_account(found)
    chart = list(Account)
    together: list[Json] = [
        {
            "account": account.value,
            "currency": code,
            "balance": Money(
                posted.get((code, account), 0) + proposed.get((code, account), 0), currency(code)
            ).decimal_text,
        }
        for code, account in sorted({*posted, *proposed}, key=lambda key: (key[0], chart.index(key[1])))
    ]
    drafts: list[Json] = [
        {"invoice": each.draft.invoice, "revision": each.draft.revision, "customer": each.draft.customer}
        for each in waiting
    ]
    accounts: list[Json] = [trial_row_json(row) for row in found]
    return {"drafts": drafts, "accounts": accounts, "with_proposed": together}


def note_proposed(waiting: Sequence[WaitingDraft]) -> None:
    """On stderr."""
    count = len(waiting)
    drafts = "1 draft that waits" if count == 1 else f"{count} drafts that wait"
    note(f"Proposed: the entries of {drafts}. They are not in the ledger; the seal posts them.")


def _rows(waiting: Sequence[WaitingDraft]) -> tuple[TrialRow, ...]:
    from tieout.ledger.balances import balances_of, trial_balance

    return trial_balance(balances_of(entry for each in waiting for entry in each.entries))


def _by_account(rows: Sequence[TrialRow]) -> dict[Key, int]:
    return {(row.currency.code, row.account): row.amount.minor for row in rows}
