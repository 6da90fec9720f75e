"""How entries, balances, locks and manual entries are shown: as tables and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.cli.screen import Json, grouped, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.table import Table

    from tieout.ledger.balances import Balance, TrialRow
    from tieout.ledger.entry import Entry, Posting
    from tieout.ledger.lock import Lock
    from tieout.ledger.manual import ManualEntry


def entries_table(entries: Sequence[Entry]) -> Table:
    """One row for each posting; what is of the entry stands in its first."""
    columns = (
        "effective",
        "booked in",
        "entry",
        "kind",
        "customer",
        "account",
        "debit>",
        "credit>",
        "currency",
    )
    rows = []
    for entry in entries:
        for place, posting in enumerate(entry.postings):
            head = _head(entry) if place == 0 else [""] * 5
            rows.append([*head, posting.account.value, *_sides(posting), posting.amount.currency.code])
    return table(columns, rows)


def entry_json(entry: Entry) -> dict[str, Json]:
    """One entry with its postings."""
    from tieout.kernel.instant import format_instant

    return {
        "id": entry.id,
        "kind": entry.kind.value,
        "customer": entry.customer,
        "invoice": entry.invoice,
        "effective_at": format_instant(entry.effective_at),
        "accounting_period": entry.accounting_period,
        "booked_at": None if entry.booked_at is None else format_instant(entry.booked_at),
        "reverses": entry.reverses,
        "by": entry.person,
        "reason": entry.reason,
        "postings": [_posting_json(each) for each in entry.postings],
    }


def balances_table(balances: Sequence[Balance]) -> Table:
    """Amounts as they stand: credits below zero."""
    rows = [
        [each.account.value, each.customer, grouped(each.amount.decimal_text), each.currency.code]
        for each in balances
    ]
    return table(("account", "customer", "balance>", "currency"), rows)


def balance_json(balance: Balance) -> Json:
    """One balance."""
    return {
        "account": balance.account.value,
        "customer": balance.customer,
        "currency": balance.currency.code,
        **_sums(balance),
    }


def trial_table(rows: Sequence[TrialRow], sums: Mapping[str, int]) -> Table:
    """Each account on the side where it stands, and the sums of a currency under them."""
    from tieout.kernel.money import Money, currency

    cells = []
    for code in sums:
        of_code = [row for row in rows if row.currency.code == code]
        for row in of_code:
            cells.append([row.account.value, *_both(row.amount.minor, code), code])
        debit = sum(max(row.amount.minor, 0) for row in of_code)
        credit = sum(max(-row.amount.minor, 0) for row in of_code)
        both = [grouped(Money(minor, currency(code)).decimal_text) for minor in (debit, credit)]
        cells.append(["total", *both, code])
    return table(("account", "debit>", "credit>", "currency"), cells)


def trial_json(rows: Sequence[TrialRow], sums: Mapping[str, int]) -> dict[str, Json]:
    """The rows, and what each currency comes to."""
    from tieout.kernel.money import Money, currency

    accounts: list[Json] = [trial_row_json(row) for row in rows]
    differences: dict[str, Json] = {
        code: Money(minor, currency(code)).decimal_text for code, minor in sums.items()
    }
    return {"accounts": accounts, "differences": differences}


def trial_row_json(row: TrialRow) -> Json:
    """One account."""
    return {"account": row.account.value, "currency": row.currency.code, **_sums(row)}


def locks_table(locks: Sequence[Lock]) -> Table:
    """In the order of the months."""
    from tieout.kernel.instant import format_instant

    rows = [[each.month, each.person, format_instant(each.locked_at), each.reason] for each in locks]
    return table(("month", "locked by", "at", "reason"), rows)


def lock_json(lock: Lock) -> Json:
    """One lock."""
    from tieout.kernel.instant import format_instant

    return {
        "month": lock.month,
        "by": lock.person,
        "reason": lock.reason,
        "locked_at": format_instant(lock.locked_at),
    }


def manual_table(manuals: Sequence[ManualEntry]) -> Table:
    """One row for each posting."""
    from tieout.kernel.instant import format_instant

    rows = []
    for manual in manuals:
        for place, posting in enumerate(manual.postings):
            decided = "" if manual.decision is None else manual.decision.person
            head = [manual.id, manual.state, manual.customer, format_instant(manual.effective_at)]
            head += [manual.person, decided, manual.reason]
            shown = head if place == 0 else [""] * len(head)
            rows.append([*shown, posting.account.value, *_sides(posting), posting.amount.currency.code])
    columns = ("entry", "state", "customer", "effective", "proposed by", "decided by", "reason")
    return table((*columns, "account", "debit>", "credit>", "currency"), rows)


def manual_json(manual: ManualEntry) -> dict[str, Json]:
    """One manual entry, with what was decided."""
    from tieout.kernel.instant import format_instant

    said = manual.decision
    decision: Json = None
    if said is not None:
        decision = {
            "approved": said.approved,
            "by": said.person,
            "reason": said.reason,
            "decided_at": format_instant(said.decided_at),
        }
    return {
        "id": manual.id,
        "state": manual.state,
        "customer": manual.customer,
        "effective_at": format_instant(manual.effective_at),
        "by": manual.person,
        "reason": manual.reason,
        "proposed_at": format_instant(manual.proposed_at),
        "decision": decision,
        "postings": [_posting_json(each) for each in manual.postings],
    }


def _head(entry: Entry) -> list[str]:
    from tieout.kernel.instant import format_instant

    booked = entry.accounting_period or "not posted"
    return [format_instant(entry.effective_at), booked, entry.id, entry.kind.value, entry.customer]


def _posting_json(posting: Posting) -> Json:
    return {
        "account": posting.account.value,
        "amount": posting.amount.decimal_text,
        "currency": posting.amount.currency.code,
        "line": posting.line,
        "reverses": posting.reverses,
    }


def _sides(posting: Posting) -> list[str]:
    return _both(posting.amount.minor, posting.amount.currency.code)


def _both(minor: int, code: str) -> list[str]:
    from tieout.kernel.money import Money, currency

    amount = grouped(Money(abs(minor), currency(code)).decimal_text)
    return [amount, ""] if minor >= 0 else ["", amount]


def _sums(row: Balance | TrialRow) -> dict[str, Json]:
    from tieout.kernel.money import Money

    return {
        "debits": Money(row.debits, row.currency).decimal_text,
        "credits": Money(-row.credits, row.currency).decimal_text,
        "balance": row.amount.decimal_text,
    }
