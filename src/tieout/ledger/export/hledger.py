"""An hledger journal (hledger.org/1.25/hledger.html, "Journal format"): directives, then entries.

A description ends at a semicolon and its payee at a vertical bar; two blanks end an account name. None of
these, nor a line end, can come from a name: they are written as `\\uXXXX`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tieout.kernel.money import Currency
from tieout.ledger.account import CLASSES, MEANINGS, Account, AccountClass
from tieout.ledger.export.naming import Named, one_line

ROOTS = {
    AccountClass.ASSET: "assets",
    AccountClass.LIABILITY: "liabilities",
    AccountClass.REVENUE: "revenues",
    AccountClass.EXPENSE: "expenses",
}
TYPES = {
    AccountClass.ASSET: "A",
    AccountClass.LIABILITY: "L",
    AccountClass.REVENUE: "R",
    AccountClass.EXPENSE: "X",
}
RESERVED = ";|"
NO_PAPER = "-"
"""The code of an entry that is of no paper; without one, a name in brackets would be taken for it."""


def hledger_journal(
    entries: Iterable[Named], currencies: Sequence[Currency], opened: Sequence[tuple[Account, str]]
) -> Iterator[str]:
    """Lines with their ends. `opened`: every account and customer that an entry posts to."""
    yield "; written by tieout ledger export\ndecimal-mark .\n\n"
    for unit in currencies:
        yield f"commodity 1000.{'0' * unit.exponent} {unit.code}\n"
    yield "\n"
    for account in Account:
        name = f"{ROOTS[CLASSES[account]]}:{account.value}"
        yield f"account {name}  ; type: {TYPES[CLASSES[account]]}, {MEANINGS[account]}\n"
    for account, customer in opened:
        yield f"account {account_name(account, customer)}\n"
    for each in entries:
        yield from _entry(each)


def account_name(account: Account, customer: str) -> str:
    """`assets:receivable:acme`; a colon of a customer's key would make an account below it."""
    return f"{ROOTS[CLASSES[account]]}:{account.value}:{customer.replace(':', '%3a')}"


def _entry(each: Named) -> Iterator[str]:
    entry = each.entry
    code = one_line(each.number, "()") or NO_PAPER
    payee = one_line(each.customer_name, RESERVED)
    mark = "!" if each.is_proposed else "*"
    yield f"\n{entry.booked_on.isoformat()} {mark} ({code}) {payee} | {one_line(each.narration, RESERVED)}\n"
    yield f"    ; entry: {entry.id}\n"
    if each.is_proposed:
        yield "    ; proposed: not posted\n"
    if entry.booked_on != entry.day:
        yield f"    ; effective: {entry.day.isoformat()}\n"
    for posting in entry.postings:
        amount = f"{posting.amount.decimal_text} {posting.amount.currency.code}"
        line = f"  ; line: {posting.line}" if posting.line else ""
        line += f", takes-back: {posting.reverses}" if posting.reverses else ""
        yield f"    {account_name(posting.account, entry.customer)}  {amount}{line}\n"
