"""What an invoice means for the ledger: entries that are proposed with the draft and posted by the seal.

At the last instant of the period what was used is earned, and owed without a bill yet: the accrual. Fees
for times to come and what was committed in advance are owed by the seller until then: deferred revenue,
released by what is over, drawn or lapsed. A correction takes back what stood for its period, and accrues what
that comes to as known now. The invoice, at its issue, turns what was unbilled into a
receivable and adds the taxes; credits then pay. Discounts make revenue smaller; so do promotional credits, in
the period that they pay for. A total below zero is owed to the customer.

Amounts are minor units here; debits are above zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date

from tieout.balance.movement import Movement
from tieout.invoice.contained import contained_taxes
from tieout.invoice.credit_entries import credit_entries, paid_by_kind
from tieout.invoice.deferred import Released, deferred_of, releases
from tieout.invoice.discounts import net_amounts
from tieout.invoice.invoice import KIND_NOTE, Invoice
from tieout.invoice.reposting import (
    TAKES_BACK,
    Parts,
    Posted,
    counts_when,
    posted_anew,
    taken_back,
    taken_up,
)
from tieout.kernel.calendar import local_date
from tieout.kernel.ids import LineId
from tieout.kernel.instant import Instant
from tieout.kernel.money import Currency, Money
from tieout.kernel.zone import zone
from tieout.ledger.account import Account
from tieout.ledger.entry import Entry, EntryKind, Posting
from tieout.ledger.standing import Standing

ACCRUAL = "accrual/"
EARNED = "earned/"
INVOICE = "invoice/"
CREDITS = "credits/"

AT_ISSUE = frozenset({EntryKind.INVOICE, EntryKind.CREDIT_NOTE, EntryKind.CREDITS_APPLIED})
"""Kinds of entries that take effect when the paper is issued."""


def proposed_entries(
    invoice: Invoice,
    moved: Sequence[Movement] = (),
    opening: Sequence[Movement] = (),
    standing: Sequence[Standing] = (),
) -> tuple[Entry, ...]:
    """Of a draft with the movements that go with it; `opening` are the customer's movements before,
    `standing` is what stands in the ledger for the lines that its own take something off.

    Those that take effect at the issue have the end of the period until there is one (`issued`). Nothing is
    proposed of what comes to nothing.
    """
    contained = contained_taxes(invoice)
    earned = _earned_parts(invoice, contained, moved, opening)
    paid, promotional = paid_by_kind(invoice, moved, opening)
    last = invoice.period.last_instant
    taken = taken_up(invoice, standing)
    back = taken_back(invoice, taken)
    anew = posted_anew(invoice, earned, taken)
    made = [
        *(_taken_back(invoice, at, stands) for at, stands in back.items()),
        *_accruals(invoice, anew, promotional, last, frozenset(back)),
        _entry(
            invoice, EARNED, EntryKind.EARNED, last, _released(releases(invoice, contained, moved, opening))
        ),
        _bill(invoice, sum(minor for _, minor, _ in _flat(earned))),
        _entry(
            invoice,
            CREDITS,
            EntryKind.CREDITS_APPLIED,
            invoice.period.end,
            [
                (Account.PAID_CREDITS, paid, None),
                (Account.UNBILLED_RECEIVABLE, promotional, None),
                (Account.RECEIVABLE, -paid - promotional, None),
            ],
        ),
    ]
    if moved:
        made += credit_entries(moved, opening, zone_name=invoice.customer.zone)
    return tuple(each for each in made if each is not None)


def issued(entries: Iterable[Entry], invoice: Invoice) -> tuple[Entry, ...]:
    """As they are posted by the seal: nothing that a paper says takes effect after its issue."""
    at = invoice.issued_at
    assert at is not None, "a sealed invoice is issued"
    return issued_at_seal(entries, at, local_date(at, zone(invoice.customer.zone)))


def issued_at_seal(entries: Iterable[Entry], at: Instant, on: date) -> tuple[Entry, ...]:
    """The same, of an invoice that is issued `at` that instant, `on` that day on its customer's calendar."""
    return tuple(
        each
        if each.kind not in AT_ISSUE and each.effective_at <= at
        else replace(each, effective_at=at, effective_on=on)
        for each in entries
    )


def _flat(parts: Parts) -> Iterable[Posted]:
    return (each for several in parts.values() for each in several)


def _earned_parts(
    invoice: Invoice,
    contained: Mapping[LineId, int],
    moved: Sequence[Movement],
    opening: Sequence[Movement],
) -> Parts:
    """What each line adds to revenue and to deferred revenue, credits above zero here, by when it counts."""
    last = invoice.period.last_instant
    net = net_amounts(invoice.lines, invoice.discounts) if invoice.discounts else None
    deferred = deferred_of(invoice, contained, moved, opening)
    parts: Parts = {last: []}
    for line in invoice.lines:
        amount = line.amount.minor if net is None else net[line.id].minor
        if contained:
            amount -= contained.get(line.id, 0)
        kept = deferred.get(line.id, 0)
        found = parts.setdefault(counts_when(line, last), [])
        if amount != kept:
            found.append((Account.REVENUE, amount - kept, line.id))
        if kept:
            found.append((Account.DEFERRED_REVENUE, kept, line.id))
    return parts


def _taken_back(invoice: Invoice, at: Instant, stands: Sequence[Standing]) -> Entry:
    """What stood for a period, with the signs turned around; each posting names the entry that it is of."""
    unit, owed = invoice.currency, sum(each.minor for each in stands)
    whole = [Posting(Account.UNBILLED_RECEIVABLE, Money(owed, unit))] if owed else []
    whole += [Posting(each.account, Money(-each.minor, unit), each.line, each.entry) for each in stands]
    name = _name_at(TAKES_BACK, invoice, at)
    return _made(invoice, name, EntryKind.REVERSAL, at, whole, reason=REASONS[EntryKind.REVERSAL])


def _name_at(name: str, invoice: Invoice, at: Instant) -> str:
    return name if at == invoice.period.last_instant else f"{name}{at}/"


def _accruals(
    invoice: Invoice, earned: Parts, promotional: int, last: Instant, corrected: frozenset[Instant]
) -> Iterable[Entry | None]:
    for at, parts in earned.items():
        postings: list[Posted] = [(account, -minor, line) for account, minor, line in parts]
        if at == last and promotional:
            postings.append((Account.PROMOTIONAL_CREDITS, promotional, None))
        owed = -sum(minor for _, minor, _ in postings)
        name = _name_at(ACCRUAL, invoice, at)
        whole: list[Posted] = [(Account.UNBILLED_RECEIVABLE, owed, None), *postings]
        reason = CORRECTS if at != last or invoice.key.kind == KIND_NOTE else REASONS[EntryKind.ACCRUAL]
        reason = ANEW if at in corrected else reason
        yield _entry(invoice, name, EntryKind.ACCRUAL, at, whole, reason=reason)


def _released(found: Sequence[Released]) -> list[Posted]:
    postings: list[Posted] = []
    for each in found:
        postings.append((Account.DEFERRED_REVENUE, each.minor, each.line))
        postings.append((Account.BREAKAGE if each.lapsed else Account.REVENUE, -each.minor, each.line))
    return postings


def _bill(invoice: Invoice, accrued: int) -> Entry | None:
    total = invoice.total.minor
    owed = Account.RECEIVABLE if total >= 0 else Account.CUSTOMER_BALANCE
    kind = EntryKind.INVOICE if total >= 0 else EntryKind.CREDIT_NOTE
    taxes: list[Posted] = [(Account.TAX_PAYABLE, -tax.amount.minor, None) for tax in invoice.taxes]
    return _entry(
        invoice,
        INVOICE,
        kind,
        invoice.period.end,
        [(owed, total, None), (Account.UNBILLED_RECEIVABLE, -accrued, None), *taxes],
    )


REASONS = {
    EntryKind.ACCRUAL: "used and not billed yet",
    EntryKind.REVERSAL: "what stood for a sealed period that is corrected",
    EntryKind.EARNED: "billed in advance, and over",
    EntryKind.INVOICE: "invoice issued",
    EntryKind.CREDIT_NOTE: "credit note issued",
    EntryKind.CREDITS_APPLIED: "credits pay for the invoice",
}


CORRECTS = "what a sealed period comes to otherwise: the difference"
ANEW = "what a sealed period comes to as corrected"


def _entry(
    invoice: Invoice,
    name: str,
    kind: EntryKind,
    at: Instant,
    postings: Iterable[Posted],
    *,
    reason: str | None = None,
) -> Entry | None:
    unit: Currency = invoice.currency
    found = [Posting(account, Money(minor, unit), line) for account, minor, line in postings if minor]
    if not found:
        return None
    return _made(invoice, name, kind, at, found, reason=REASONS[kind] if reason is None else reason)


def _made(
    invoice: Invoice, name: str, kind: EntryKind, at: Instant, postings: Iterable[Posting], *, reason: str
) -> Entry:
    return Entry(
        id=f"{name}{invoice.id}",
        kind=kind,
        customer=invoice.key.customer,
        effective_at=at,
        postings=tuple(postings),
        reason=reason,
        invoice=invoice.id,
        effective_on=local_date(at, zone(invoice.customer.zone)),
    )
