"""Voids a sealed invoice, which keeps its number and its bytes: what it posted and moved is taken back, and
its period is due again. The next close drafts the replacement, which names what it replaces.

Refused where something builds on it: a payment, a note or credit for it, a correction or a balance of a later
period. Those are undone by credits and corrections, each on record.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tieout.balance.fee import ADVANCE
from tieout.balance.grant import WALLET
from tieout.balance.movement import Movement, MovementKind
from tieout.balance.reversal import REVERSED, reversal
from tieout.dispute.dispute import disputes_of
from tieout.evidence.stored import StoredInvoice
from tieout.evidence.stored_corrections import SettledRow, StoredVoid
from tieout.flows.approved_reason import ApprovedReason, decided_text
from tieout.flows.decision import decision_now, named
from tieout.flows.home import Home
from tieout.flows.invoices import show_invoice
from tieout.invoice.earlier import parse_correction, parse_earlier
from tieout.invoice.invoice import KIND_FINAL, KIND_INTERIM
from tieout.invoice.offset import APPLIED
from tieout.kernel.errors import ConflictError
from tieout.kernel.ids import LineId
from tieout.kernel.money import currency
from tieout.kernel.person import is_same_person
from tieout.ledger.balances import Selection
from tieout.ledger.entry import Entry, EntryKind
from tieout.ledger.reversal import reversed_entry
from tieout.rate.credit import is_credit


class VoidRefused(ConflictError):
    """Something builds on the invoice."""

    code = "void-refused"

    def __init__(self, invoice: StoredInvoice, problems: Sequence[str]) -> None:
        super().__init__(f"Invoice {invoice.number} was not voided: {'; '.join(problems)}.")


@dataclass(frozen=True, slots=True)
class Voided:
    """The void, and how many entries and movements were taken back."""

    void: StoredVoid
    entries: int
    movements: int


def void_invoice(home: Home, id_or_number: str, *, person: str, reason: str, approved_by: str) -> Voided:
    """Raises `VoidRefused`, `NoSuchInvoice`, and `PapersMoved`, `DisputesMoved` or `BalancesMoved` where
    something came in between: then nothing was voided."""
    decision = decision_now(home, person=person, reason=reason)
    named(approved_by, "the person who approves (--approved-by)")
    invoice = show_invoice(home, id_or_number)
    papers_seen = home.books.corrections.papers(invoice.customer)
    disputed = home.books.disputes.events(invoice.customer)
    recorded = home.books.movements.of([invoice.customer]).get(invoice.customer, ())
    entries = [
        each
        for each in home.books.ledger.entries(Selection(customer=invoice.customer))
        if each.invoice == invoice.id or each.id.startswith(f"{APPLIED}{invoice.id}/")
    ]
    problems = (
        []
        if not is_same_person(person, approved_by)
        else [f"{person} decides it; another person approves it (--approved-by)"]
    )
    problems += [
        f"dispute {each.id} of it is {each.state.value}: decide that first"
        for each in disputes_of(disputed)
        if each.is_open and each.invoice == invoice.id
    ]
    problems += _problems(home, invoice, recorded, entries)
    if problems:
        raise VoidRefused(invoice, problems)
    at = decision.decided_at
    why = decided_text(ApprovedReason(decision.reason, decision.person, approved_by))
    void = StoredVoid(invoice, decision.person, why, at)
    moved = [
        reversal(each, at=at, person=decision.person, reason=why)
        for each in recorded
        if each.invoice == invoice.id and each.amount.minor
    ]
    reversals = tuple(
        reversed_entry(each, reason=why, effective_at=max(at, each.effective_at), person=decision.person)
        for each in entries
    )
    home.books.corrections.void(
        void,
        papers_seen=papers_seen,
        disputes_seen=len(disputed),
        movements=moved,
        movements_seen=len(recorded),
        entries=reversals,
    )
    return Voided(void, len(reversals), len(moved))


def _problems(
    home: Home, invoice: StoredInvoice, recorded: Sequence[Movement], entries: Sequence[Entry]
) -> list[str]:
    """Everything that builds on it, each with what to do instead."""
    if any(each.invoice.id == invoice.id for each in home.books.corrections.voids()):
        return ["it is voided already"]
    if invoice.kind != KIND_FINAL:
        return [f"it is a paper of kind {invoice.kind}: credit its lines with `tieout invoice credit`"]
    found = []
    if any(each.kind is EntryKind.PAYMENT for each in entries):
        found.append("it was paid: credit its lines with `tieout invoice credit`")
    rows = home.books.corrections.settled([invoice.customer]).get(invoice.customer, ())
    if not entries and any(row.invoice.id == invoice.id and row.line.amount_minor for row in rows):
        found.append("it was sealed before there was a ledger: credit its lines instead")
    for row in rows:
        correction = parse_correction(row.line.correction)
        if correction is None or row.invoice.id == invoice.id or correction.period != invoice.period:
            continue
        what = "credited" if is_credit(row.charge.price) else "corrected"
        found.append(f"{row.invoice.number} {what} it: correct or credit what is left instead")
    taken_up: dict[str, list[LineId]] = {}
    for row in rows:
        taken_up.setdefault(row.invoice.number, []).extend(_taken_up(row, invoice))
    found += [_corrected(number, [*dict.fromkeys(lines)]) for number, lines in taken_up.items() if lines]
    found += [
        f"{row.invoice.number} is an interim invoice of its period: credit its lines instead"
        for row in rows
        if row.invoice.kind == KIND_INTERIM and row.invoice.period.overlaps(invoice.period)
    ]
    found += _balances(invoice, recorded)
    return list(dict.fromkeys(found))


def _corrected(number: str, lines: Sequence[LineId]) -> str:
    which = f"line {lines[0]} of it"
    if len(lines) > 1:
        which = f"{len(lines)} lines of it, the first is {lines[0]}"
    return f"{number} corrected {which}: credit its lines instead"


def _taken_up(row: SettledRow, invoice: StoredInvoice) -> Iterator[LineId]:
    """The lines of the invoice that correct an older period, and that another paper corrected again."""
    if row.line.correction is None or row.invoice.id == invoice.id:
        return
    for each in parse_earlier(row.line.earlier, currency(row.invoice.currency)):
        if each.invoice == invoice.id:
            yield each.line


def _balances(invoice: StoredInvoice, recorded: Sequence[Movement]) -> list[str]:
    """Accounts that the invoice moved and something later moved too; credit of it that has expired since."""
    mine = {each.account for each in recorded if each.invoice == invoice.id and each.amount.minor}
    mine = {account.removesuffix("/metered") for account in mine}
    last = invoice.period.last_instant
    found = []
    for each in recorded:
        account = each.account.removesuffix("/metered")
        if account not in mine or each.invoice == invoice.id or each.id.startswith(REVERSED):
            continue
        if account.startswith(WALLET):
            if each.kind in (MovementKind.EXPIRED, MovementKind.VOIDED):
                found.append(f"credit {account} that paid it is {each.kind.value}: credit its lines instead")
        elif each.effective_at > last:
            what = "fees in advance" if account.startswith(ADVANCE) else account
            found.append(f"a later period builds on {what}: correct or credit its lines instead")
    return found
