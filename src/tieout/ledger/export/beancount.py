"""A beancount file (beancount.github.io/docs/beancount_language_syntax.html): accounts are opened, then used.

Names of accounts are components that begin with a capital and hold letters, digits and hyphens, so a
customer's key is written `C-` with every other character as its code between hyphens. Text is a quoted string
in which a backslash and a quote are escaped; control characters and line ends stand there as `\\uXXXX`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tieout.ledger.account import CLASSES, Account, AccountClass
from tieout.ledger.export.naming import Named, one_line

ROOTS = {
    AccountClass.ASSET: "Assets",
    AccountClass.LIABILITY: "Liabilities",
    AccountClass.REVENUE: "Income",
    AccountClass.EXPENSE: "Expenses",
}
OPENED_ON = "1970-01-01"
"""Before every entry: accounts of a chart have no day of opening here."""


def beancount_file(entries: Iterable[Named], opened: Sequence[tuple[Account, str]]) -> Iterator[str]:
    """Lines with their ends. `opened`: every account and customer that an entry posts to."""
    yield '; written by tieout ledger export\noption "tolerance_multiplier" "0"\n\n'
    for account, customer in opened:
        yield f"{OPENED_ON} open {account_name(account, customer)}\n"
    for each in entries:
        yield from _entry(each)


def account_name(account: Account, customer: str) -> str:
    """`Assets:Unbilled-Receivable:C-acme`."""
    words = "-".join(word.capitalize() for word in account.value.split("-"))
    return f"{ROOTS[CLASSES[account]]}:{words}:C-{_component(customer)}"


def _component(key: str) -> str:
    """Two keys never become one: a hyphen is written as its code too."""
    return "".join(char if char.isalnum() else f"-{ord(char):02x}-" for char in key)


def quoted(text: str) -> str:
    """A string of the language."""
    escaped = one_line(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _entry(each: Named) -> Iterator[str]:
    entry = each.entry
    mark, tag = ("!", " #proposed") if each.is_proposed else ("*", "")
    said = f"{quoted(each.customer_name)} {quoted(each.narration)}{tag}"
    yield f"\n{entry.booked_on.isoformat()} {mark} {said}\n"
    yield f"  entry: {quoted(entry.id)}\n"
    if each.number:
        yield f"  invoice: {quoted(each.number)}\n"
    if entry.booked_on != entry.day:
        yield f"  effective: {entry.day.isoformat()}\n"
    for posting in entry.postings:
        amount = f"{posting.amount.decimal_text} {posting.amount.currency.code}"
        yield f"  {account_name(posting.account, entry.customer)}  {amount}\n"
        if posting.line:
            yield f"    line: {quoted(posting.line)}\n"
        if posting.reverses:
            yield f"    takes_back: {quoted(posting.reverses)}\n"
