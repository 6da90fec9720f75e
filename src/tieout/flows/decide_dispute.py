"""Decides a dispute: upheld, in part, rejected or withdrawn. What is given back is sealed as credit notes in
the transaction that records the decision: neither is ever there without the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tieout.contract.notice_target import Severity
from tieout.correction.credit import Rest
from tieout.dispute.corrected import check_corrected, check_not_twice
from tieout.dispute.decision import (
    DecisionOrder,
    check_people,
    check_sum,
    given_back,
    gives_notes,
    refuse_same_scope,
    wanted_lines,
)
from tieout.dispute.dispute import Dispute, after
from tieout.dispute.event import CreditGiven, Decided, DisputeEvent
from tieout.dispute.role import Role
from tieout.dispute.state import Act, State, moved
from tieout.dispute.type import RULES
from tieout.evidence.stored import StoredInvoice
from tieout.flows.corrected_since import corrected_since
from tieout.flows.credit_invoice import applied_of
from tieout.flows.credit_note import (
    CreditedLine,
    PlannedNote,
    asked_minor,
    credited_lines,
    note_sealing,
    planned_note,
    scope_of,
)
from tieout.flows.decision import decision_now
from tieout.flows.disputes import (
    after_all,
    dispute_notice,
    find_dispute,
    known_disputes,
    next_event,
    owners_in_force,
)
from tieout.flows.examine_dispute import examine_dispute
from tieout.flows.home import Home
from tieout.flows.invoices import show_invoice
from tieout.flows.note_run import note_run
from tieout.flows.verify_disputes import decision_words
from tieout.kernel.errors import ConflictError
from tieout.kernel.money import Money
from tieout.notice.notice import Notice
from tieout.ports.disputes import Step
from tieout.ports.review import Decision

DECIDED_KIND: Final = "dispute.decided"


class DisputeIsolated(ConflictError):
    """The evidence was looked at before deciding, and the records conflict."""

    code = "dispute-isolated"

    def __init__(self, dispute: Dispute) -> None:
        hold = dispute.hold
        assert hold is not None, "it was isolated just now"
        super().__init__(
            f"Dispute {dispute.id} was not decided: {hold.reason}. It is isolated: {hold.engineering} "
            f"(engineering) answers for the defect, {hold.ops} (ops) keeps the customer informed; "
            f"`tieout dispute show {dispute.id}` shows all findings, `tieout dispute release` ends the hold."
        )


@dataclass(frozen=True, slots=True)
class NoteGiven:
    """A sealed credit note; `applied` of it went against what was open of the invoice."""

    note: StoredInvoice
    credit: CreditGiven
    applied: Money


@dataclass(frozen=True, slots=True)
class DecidedDispute:
    dispute: Dispute
    notes: tuple[NoteGiven, ...]


def decide_dispute(
    home: Home, id: str, order: DecisionOrder, *, person: str, reason: str, approved_by: str | None = None
) -> DecidedDispute:
    """Examines the evidence first, where nobody has. Raises `DisputeIsolated`, `DisputeRefused`, `WrongRole`,
    `NoSuchMove`, `CreditTooLarge`, and `PapersMoved`, `DisputesMoved` or `NoteOvertaken` where something came
    in between: then nothing was decided."""
    decision = decision_now(home, person=person, reason=reason)
    dispute = find_dispute(home, id)
    check_people(owners_in_force(home), dispute, order.outcome, decision.person, approved_by)
    if dispute.state is State.OPEN and order.outcome is not Act.WITHDRAWN:
        dispute = examine_dispute(home, dispute.id, person=decision.person)
        if dispute.hold is not None:
            raise DisputeIsolated(dispute)
    moved(dispute.state, order.outcome)
    papers_seen = home.books.corrections.papers(dispute.customer)
    known = known_disputes(home, dispute.customer)
    dispute = next(each for each in known.disputes if each.id == dispute.id)
    moved(dispute.state, order.outcome)
    approver = None if approved_by is None else approved_by.strip()
    why = decision_words(dispute.id, decision.reason, decision.person, approver)
    planned = _planned(home, dispute, order, why)
    event = _event(home, dispute, order, decision, approved_by, planned)
    found = after(dispute, event)
    step = Step((event,), known.seen, papers_seen, (_notice(home, found, event),))
    sealed = _recorded(home, step, planned, order.to, papers_seen, decision.person)
    given = zip(sealed, event.said.credits, strict=True) if isinstance(event.said, Decided) else ()
    return DecidedDispute(found, tuple(NoteGiven(note, each, applied_of(home, note)) for note, each in given))


def _planned(home: Home, dispute: Dispute, order: DecisionOrder, why: str) -> list[PlannedNote]:
    if not gives_notes(order):
        if order.corrected:
            check_corrected(dispute.claim, order.outcome, corrected_since(home, dispute))
        return []
    invoice = show_invoice(home, dispute.invoice)
    kind = RULES[dispute.claim.type].credit
    planned = [
        planned_note(home, line, minor, kind=kind, why=why, place=place)
        for place, (line, minor) in enumerate(_amounts(home, dispute, order, invoice))
    ]
    credits_ = _credits(planned)
    check_sum(dispute.claim, order.outcome, credits_)
    check_not_twice(dispute.claim, given_back(dispute.claim, credits_), back=corrected_since(home, dispute))
    return planned


def _amounts(
    home: Home, dispute: Dispute, order: DecisionOrder, invoice: StoredInvoice
) -> list[tuple[CreditedLine, int]]:
    """Raises `DisputeRefused`, `CreditRefused`, `CreditTooLarge` or `NoSuchLineThere`."""
    wanted = wanted_lines(dispute.claim, order)
    lines = credited_lines(home, invoice, [name for name, _ in wanted])
    refuse_same_scope((scope_of(each.stored), each.stored.line.id) for each in lines)
    return [(line, asked_minor(amount, line)) for line, (_, amount) in zip(lines, wanted, strict=True)]


def _credits(planned: Sequence[PlannedNote]) -> tuple[CreditGiven, ...]:
    return tuple(
        CreditGiven(each.line.stored.line.id, each.note.id, each.amount.minor, -each.note.total.minor)
        for each in planned
    )


def _event(
    home: Home,
    dispute: Dispute,
    order: DecisionOrder,
    decision: Decision,
    approved_by: str | None,
    planned: Sequence[PlannedNote],
) -> DisputeEvent:
    approver = None if approved_by is None else approved_by.strip()
    said = Decided(order.outcome, decision.reason, approver, _credits(planned), order.corrected)
    return next_event(dispute, said, decision.person, after_all(home, dispute))


def _recorded(
    home: Home, step: Step, planned: Sequence[PlannedNote], to: Rest, papers_seen: int, person: str
) -> tuple[StoredInvoice, ...]:
    if not planned:
        return home.books.disputes.record(step)
    now = home.clock.now()
    notes = [
        note_sealing(
            home,
            each,
            papers_seen=papers_seen + place,  # as if those before it were sealed
            disputes_seen=step.disputes_seen,
            to=to,
            person=person,
            now=now,
        )
        for place, each in enumerate(planned)
    ]
    with note_run(home, cutoff=planned[0].note.cutoff, now=now) as run:
        return home.books.disputes.record(step, notes=notes, run=run)


def _notice(home: Home, dispute: Dispute, event: DisputeEvent) -> Notice:
    given = sum(each.with_tax for each in dispute.credits)
    back = f", {Money(given, dispute.claim.currency)} given back" if given else ""
    return dispute_notice(
        home,
        event,
        DECIDED_KIND,
        severity=Severity.INFO,
        title=f"Dispute {dispute.id} is {dispute.state.value}{back}",
        text="" if dispute.decided is None else dispute.decided.reason,
        to=[Role.OPS, RULES[dispute.claim.type].routed_to],
    )
