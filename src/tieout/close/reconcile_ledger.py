"""The fifth tie: an invoice's totals = its proposed ledger entries.

What each account must come to is worked out from the totals that the document prints and from the sums of
movements, in plain minor units. Of the code that proposes entries only names of accounts are used.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from tieout.balance.commitment import COMMITMENT
from tieout.balance.fee import ADVANCE
from tieout.balance.movement import Movement, MovementKind
from tieout.close.breaks import Break, BreakClass
from tieout.invoice.invoice import Invoice
from tieout.invoice.line import Line
from tieout.ledger.account import Account
from tieout.ledger.entry import Entry
from tieout.ledger.standing import Standing

TIE_LEDGER = "totals = proposed ledger entries"
TIE_LEDGER_LINES = "lines = revenue and deferred revenue"
TIE_TAKEN_BACK = "reversals = what stood"
TIE_BALANCED = "debits = credits"
ACTION = "report the invoice: its ledger entries are not what its totals say"

PREPAID_ROLES = frozenset({"upfront", "drawdown", "rolled-over", "lapsed"})
"""A commitment with one of these lines holds money that was billed ahead of usage."""


def ledger_breaks(
    invoice: Invoice,
    moved: Sequence[Movement],
    opening: Sequence[Movement],
    entries: Sequence[Entry],
    standing: Sequence[Standing] = (),
) -> list[Break]:
    """Every break between a draft with its movements and the entries that would be posted with it, given what
    stands in the ledger for the lines that its corrections take up."""
    return [
        *_unbalanced(invoice, entries),
        *_account_breaks(invoice, moved, opening, entries),
        *_line_breaks(invoice, entries, standing),
        *_taken_back_breaks(invoice, entries, standing),
    ]


def _unbalanced(invoice: Invoice, entries: Sequence[Entry]) -> Iterator[Break]:
    for entry in entries:
        debits = sum(each.amount.minor for each in entry.postings if each.amount.minor > 0)
        credits_ = sum(-each.amount.minor for each in entry.postings if each.amount.minor < 0)
        codes = {each.amount.currency.code for each in entry.postings}
        if debits != credits_ or codes != {invoice.currency.code} or entry.customer != invoice.key.customer:
            found = f"{debits} and {credits_} of {sorted(codes)} for {entry.customer}"
            expected = f"{entry.id}: as much on both sides, {invoice.currency}, {invoice.key.customer}"
            size = f"{debits - credits_} minor units"
            yield Break(TIE_BALANCED, expected, f"{entry.id}: {found}", ACTION, size=size)
    twice = sorted(name for name, count in Counter(each.id for each in entries).items() if count > 1)
    if twice:
        said, kind, size = f"twice: {twice}", BreakClass.DUPLICATE, f"{len(twice)} entries"
        yield Break(TIE_BALANCED, "every entry once", said, ACTION, kind=kind, size=size)


def _account_breaks(
    invoice: Invoice, moved: Sequence[Movement], opening: Sequence[Movement], entries: Iterable[Entry]
) -> list[Break]:
    found: Counter[Account] = Counter()
    for entry in entries:
        for posting in entry.postings:
            found[posting.account] += posting.amount.minor
    expected = _expected(invoice, moved, opening)
    return [
        Break(
            TIE_LEDGER,
            f"{account.value} {expected[account]} minor units",
            f"{account.value} {found[account]}",
            ACTION,
            size=f"{found[account] - expected[account]} minor units",
        )
        for account in Account
        if found[account] != expected[account]
    ]


def _expected(invoice: Invoice, moved: Sequence[Movement], opening: Sequence[Movement]) -> Counter[Account]:
    """Revenue and deferred revenue are, together, what the lines come to without taxes."""
    total = invoice.total.minor
    pays = _moved(moved, opening, MovementKind.USED)
    expired = _moved(moved, opening, MovementKind.EXPIRED)
    lapsed = sum(_lapsed(invoice, moved))
    deferred = _deferred(invoice, moved, opening)
    contained = sum(tax.amount.minor for tax in invoice.taxes if tax.inclusive)
    taken = sum(discount.amount.minor for discount in invoice.discounts)
    found: Counter[Account] = Counter()
    found[Account.RECEIVABLE] = max(total, 0) - pays["paid"] - pays["promotional"]
    found[Account.CUSTOMER_BALANCE] = min(total, 0)
    found[Account.TAX_PAYABLE] = -sum(tax.amount.minor for tax in invoice.taxes)
    found[Account.PAID_CREDITS] = pays["paid"] + expired["paid"]
    found[Account.PROMOTIONAL_CREDITS] = pays["promotional"]
    found[Account.BREAKAGE] = -expired["paid"] - lapsed
    found[Account.DEFERRED_REVENUE] = -deferred
    found[Account.REVENUE] = lapsed + deferred - (invoice.subtotal.minor + taken - contained)
    return found


def _moved(moved: Iterable[Movement], opening: Sequence[Movement], kind: MovementKind) -> Counter[str]:
    """Minor units that grants lost, by kind of grant."""
    found: Counter[str] = Counter()
    for each in moved:
        if each.kind is kind:
            grants = (one for one in opening if one.id == f"grant/{each.account.partition('/')[2]}")
            found[json.loads(next(grants).details)["kind"]] -= each.amount.minor
    return found


def _deferred(invoice: Invoice, moved: Sequence[Movement], opening: Sequence[Movement]) -> int:
    """By how much more is billed ahead than before: the balances say so, less the taxes in them."""
    prepaid = _prepaid(invoice, moved, opening)
    return sum(
        each.amount.minor - _contained(each)
        for each in moved
        if each.account.startswith(ADVANCE) or each.account in prepaid
    )


def _lapsed(invoice: Invoice, moved: Sequence[Movement]) -> Iterator[int]:
    """What was billed ahead and is lost, without the tax in it: only where a line says so."""
    for account, roles in _roles(invoice).items():
        for each in moved:
            if "lapsed" in roles and each.account == account and each.kind is MovementKind.LAPSED:
                yield _contained(each) - each.amount.minor


def _prepaid(invoice: Invoice, moved: Iterable[Movement], opening: Iterable[Movement]) -> set[str]:
    begun = {each.account for each in moved if each.kind is MovementKind.COMMITTED}
    begun |= set(_begun_before(invoice, opening))
    return {
        account
        for account, roles in _roles(invoice).items()
        if roles & PREPAID_ROLES or ("true-up" in roles and account in begun)
    }


def _begun_before(invoice: Invoice, opening: Iterable[Movement]) -> Iterator[str]:
    """Accounts that committed anew in the very period of which a true-up is corrected."""
    committed = [each for each in opening if each.kind is MovementKind.COMMITTED]
    for line in invoice.lines:
        if line.correction is not None and line.price.endswith("/true-up"):
            period, account = line.correction.period, _account(line)
            if any(each.account == account and period.contains(each.effective_at) for each in committed):
                yield account


def _roles(invoice: Invoice) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for line in invoice.lines:
        head, _, role = line.price.rpartition("/")
        if head.startswith(COMMITMENT):
            found.setdefault(_account(line), set()).add(role)
    return found


def _account(line: Line) -> str:
    return f"{COMMITMENT}{line.charge.subscription}/{line.price.rpartition('/')[0].removeprefix(COMMITMENT)}"


def _contained(movement: Movement) -> int:
    return int(json.loads(movement.details).get("contained_minor", 0))


def _taken_back_breaks(
    invoice: Invoice, entries: Sequence[Entry], standing: Sequence[Standing]
) -> Iterator[Break]:
    """What stood for a corrected line is taken back to the last unit, and nothing else is."""
    earlier = {each.line for line in invoice.lines if line.correction is not None for each in line.earlier}
    left: Counter[tuple[str, str, str]] = Counter()
    for stands in standing:
        if stands.line in earlier:
            left[stands.line, stands.entry, stands.account.value] += stands.minor
    for entry in entries:
        for each in entry.postings:
            if each.reverses is not None:
                left[each.line or "no line", each.reverses, each.account.value] += each.amount.minor
    for (line, name, account), minor in sorted(left.items()):
        if minor:
            what = f"{account} of {name} for {line}"
            size = f"{minor} minor units"
            yield Break(TIE_TAKEN_BACK, f"{what}: nothing left", f"{minor} left", ACTION, size=size)


def _line_breaks(invoice: Invoice, entries: Sequence[Entry], standing: Sequence[Standing]) -> Iterator[Break]:
    """Each line's postings; with taxes contained in prices, only their sum is told, above. A correcting line
    is posted with what stood for the lines that it takes up."""
    if any(tax.inclusive and tax.amount.minor for tax in invoice.taxes):
        return
    posted: Counter[str] = Counter()
    for entry in entries:
        if entry.id.startswith("accrual/"):
            for each in entry.postings:
                if each.line is not None:
                    posted[each.line] -= each.amount.minor
    asked: Counter[str] = Counter({line.id: line.amount.minor for line in invoice.lines})
    for discount in invoice.discounts:
        for of_line, share in discount.shares:
            asked[of_line] += share.minor
    stood: Counter[str] = Counter()
    for stands in standing:
        stood[stands.line] -= stands.minor
    for line in invoice.lines:
        if line.correction is not None:
            asked[line.id] += sum(stood[each.line] for each in line.earlier)
    for name in sorted(posted.keys() | asked.keys()):
        if posted[name] != asked[name]:
            yield Break(
                TIE_LEDGER_LINES,
                f"{name} {asked[name]} minor units",
                f"{name} {posted[name]}",
                ACTION,
                size=f"{posted[name] - asked[name]} minor units",
            )
