"""A credit note for a line of a sealed paper: one person decides, another approves; it is capped at what is
left of the line, and given back with the line's own tax.

It pays what is still open of the invoice; the rest is the customer's balance, or is refunded. What is
disputed is given back by deciding the dispute.
"""

from __future__ import annotations

from dataclasses import dataclass

from tieout.correction.credit import CreditKind, Rest
from tieout.dispute.dispute import Dispute, disputes_of
from tieout.evidence.stored import StoredInvoice
from tieout.flows.approved_reason import ApprovedReason, agreed_text
from tieout.flows.credit_note import (
    CreditRefused,
    CreditTooLarge,
    NoSuchLineThere,
    PlannedNote,
    asked_minor,
    credited_line,
    note_sealing,
    planned_note,
)
from tieout.flows.decision import decision_now, named
from tieout.flows.home import Home
from tieout.flows.invoices import show_invoice
from tieout.flows.note_run import note_run
from tieout.invoice.offset import APPLIED
from tieout.kernel.errors import ConflictError
from tieout.kernel.ids import CustomerId, LineId
from tieout.kernel.money import Money, currency
from tieout.kernel.person import is_same_person
from tieout.ledger.balances import Selection

__all__ = [
    "CreditOvertaken",
    "CreditRefused",
    "CreditTooLarge",
    "Credited",
    "LineDisputed",
    "NoSuchLineThere",
    "credit_invoice",
]


class CreditOvertaken(ConflictError):
    """Somebody else credited the same paper at this very moment."""

    code = "credit-overtaken"

    def __init__(self, customer: CustomerId) -> None:
        super().__init__(
            f"A note of {customer} was sealed at this very moment; nothing was credited: "
            "look, and run it again."
        )


class LineDisputed(ConflictError):
    """What is disputed waits for the dispute."""

    code = "line-disputed"

    def __init__(self, dispute: Dispute) -> None:
        what = dispute.claim.line or f"invoice {dispute.invoice}"
        super().__init__(
            f"{what} is disputed ({dispute.id}, {dispute.state.value}); nothing was credited: "
            f"`tieout dispute decide {dispute.id}` gives back what is found right."
        )


@dataclass(frozen=True, slots=True)
class Credited:
    """The note; `applied` went against what was open of the invoice, `rest` to the balance or a refund."""

    note: StoredInvoice
    line: LineId
    amount: Money
    tax: Money
    applied: Money
    rest: Money
    to: Rest


def credit_invoice(
    home: Home,
    id_or_number: str,
    *,
    line: str,
    amount: str | None,
    kind: CreditKind,
    person: str,
    reason: str,
    approved_by: str,
    to: Rest = "balance",
) -> Credited:
    """Credits `amount` of the line, or all that is left (None), before taxes that are added to prices.
    `kind` says whether it is outside of the billing, or corrects it.

    Raises `CreditRefused`, `CreditTooLarge`, `NoSuchInvoice`, `NoSuchLineThere`, `LineDisputed`;
    `PapersMoved`, `DisputesMoved` or `CreditOvertaken` where another paper or a dispute of the customer came
    in between: then nothing was credited.
    """
    decision = decision_now(home, person=person, reason=reason)
    named(approved_by, "the person who approves (--approved-by)")
    if is_same_person(person, approved_by):
        raise CreditRefused([f"{person} decides it; another person approves it (--approved-by)"])
    invoice = show_invoice(home, id_or_number)
    if any(each.invoice.id == invoice.id for each in home.books.corrections.voids()):
        raise CreditRefused([f"{invoice.number} is voided: there is nothing left of it to credit"])
    papers_seen = home.books.corrections.papers(invoice.customer)
    recorded = home.books.disputes.events(invoice.customer)
    found = credited_line(home, invoice, line)
    for each in disputes_of(recorded):
        if each.is_open and each.invoice == invoice.id and each.claim.line in (None, found.stored.line.id):
            raise LineDisputed(each)
    why = agreed_text(ApprovedReason(decision.reason, decision.person, approved_by))
    planned = planned_note(home, found, asked_minor(amount, found), kind=kind, why=why)
    sealed = _sealed(
        home, planned, papers_seen=papers_seen, disputes_seen=len(recorded), to=to, person=decision.person
    )
    applied = applied_of(home, sealed)
    rest = -planned.note.total - applied
    return Credited(sealed, found.stored.line.id, planned.amount, planned.tax, applied, rest, to)


def _sealed(
    home: Home, planned: PlannedNote, *, papers_seen: int, disputes_seen: int, to: Rest, person: str
) -> StoredInvoice:
    now = home.clock.now()
    sealing = note_sealing(
        home,
        planned,
        papers_seen=papers_seen,
        disputes_seen=disputes_seen,
        to=to,
        person=person,
        now=now,
    )
    with note_run(home, cutoff=planned.note.cutoff, now=now) as run:
        (sealed,) = home.books.invoices.seal([sealing], run=run)
    if sealed is None:  # its sequence was taken
        raise CreditOvertaken(planned.note.key.customer)
    return sealed


def applied_of(home: Home, note: StoredInvoice) -> Money:
    """What of the note the sealing put against the open receivable."""
    return sum(
        (
            entry.postings[0].amount
            for entry in home.books.ledger.entries(Selection(customer=note.customer))
            if entry.id.startswith(f"{APPLIED}{note.id}/")
        ),
        Money(0, currency(note.currency)),
    )
