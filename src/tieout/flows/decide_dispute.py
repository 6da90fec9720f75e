"""Decides a dispute: upheld, in part, rejected or withdrawn. What is given back is sealed as credit notes in
the transaction that records the decision: neither is ever there without the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tieout.contract.notice_target import Severity
from tieout.dispute.dispute import Dispute, after
from tieout.dispute.event import CreditGiven, Decided, DisputeEvent, Outcome
from tieout.dispute.owners import Owners
from tieout.dispute.role import MAY, Role, decider_of
from tieout.dispute.state import Act, State, moved
from tieout.dispute.type import RULES
from tieout.evidence.stored import StoredInvoice
from tieout.flows.corrected_since import check_corrected, check_not_twice, claim_minor
from tieout.flows.credit_invoice import applied_of
from tieout.flows.credit_note import (
    CreditedLine,
    PlannedNote,
    Rest,
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
from tieout.flows.keep_head import keep_head
from tieout.flows.open_dispute import DisputeRefused
from tieout.flows.verify_disputes import decision_words
from tieout.kernel.errors import ConflictError, TieoutError, Unavailable
from tieout.kernel.money import Money
from tieout.kernel.person import is_same_person
from tieout.notice.notice import Notice
from tieout.ports.disputes import Step
from tieout.ports.review import Decision

DECIDED_KIND: Final = "dispute.decided"
GIVES_BACK: Final = frozenset({Act.UPHELD, Act.PARTLY_UPHELD})


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
class DecisionOrder:
    """`amount`: of a disputed line, where it is upheld in part. `lines`: of a disputed invoice, which lines
    give back how much (line, amount before taxes that are added; None: all that is left). `to`: where that
    goes which is not open any more. `corrected`: a correction of the period has given it back since the
    dispute was opened, so that no note does."""

    outcome: Outcome
    amount: str | None = None
    lines: Sequence[tuple[str, str | None]] = ()
    to: Rest = "balance"
    corrected: bool = False


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
    _check_people(owners_in_force(home), dispute, order.outcome, decision.person, approved_by)
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


def _check_people(
    owners: Owners, dispute: Dispute, outcome: Outcome, person: str, approved_by: str | None
) -> None:
    """Raises `WrongRole` or `DisputeRefused`."""
    if outcome in MAY:
        owners.check(person, MAY[outcome], f"record that a dispute is {outcome.value}")
    else:
        roles = decider_of(RULES[dispute.claim.type].routed_to)
        owners.check(person, roles, f"decide a dispute of type {dispute.claim.type.value}")
    if outcome not in GIVES_BACK:
        if approved_by is not None:
            raise DisputeRefused([f"{outcome.value} gives nothing back: leave out --approved-by"])
        return
    if approved_by is None:
        raise DisputeRefused(["what is given back is approved by a person of finance (--approved-by)"])
    owners.check(approved_by, [Role.FINANCE], "approve what a dispute gives back")
    if is_same_person(person, approved_by):
        raise DisputeRefused([f"{person} decides it; another person approves it (--approved-by)"])


def _planned(home: Home, dispute: Dispute, order: DecisionOrder, why: str) -> list[PlannedNote]:
    if order.outcome not in GIVES_BACK:
        if order.amount is not None or order.lines or order.corrected:
            raise DisputeRefused([f"{order.outcome.value} gives nothing back: leave out amounts"])
        return []
    if order.corrected:
        check_corrected(home, dispute, order.outcome)
        return []
    invoice = show_invoice(home, dispute.invoice)
    wanted = _amounts(home, dispute, order, invoice)
    kind = RULES[dispute.claim.type].credit
    planned = [
        planned_note(home, line, minor, kind=kind, why=why, place=place)
        for place, (line, minor) in enumerate(wanted)
    ]
    _check_sum(dispute, order.outcome, planned)
    check_not_twice(home, dispute, _given(dispute, planned))
    return planned


def _amounts(
    home: Home, dispute: Dispute, order: DecisionOrder, invoice: StoredInvoice
) -> list[tuple[CreditedLine, int]]:
    """Raises `DisputeRefused`, `CreditRefused`, `CreditTooLarge` or `NoSuchLineThere`."""
    claim = dispute.claim
    if claim.line is None:
        if order.amount is not None or not order.lines:
            raise DisputeRefused(
                ["the whole invoice is disputed: say which lines give back how much (--credit LINE=AMOUNT)"]
            )
        lines = credited_lines(home, invoice, [name for name, _ in order.lines])
        _refuse_same_scope(lines)
        return [
            (line, asked_minor(amount, line)) for line, (_, amount) in zip(lines, order.lines, strict=True)
        ]
    if order.lines:
        raise DisputeRefused([f"line {claim.line} is disputed alone: leave out --credit"])
    partly = order.outcome is Act.PARTLY_UPHELD
    if partly != (order.amount is not None):
        problem = "say how much (--amount)" if partly else "all of it is given back: leave out --amount"
        raise DisputeRefused([problem])
    (line,) = credited_lines(home, invoice, [claim.line])
    return [(line, asked_minor(order.amount or claim.money.decimal_text, line))]


def _refuse_same_scope(lines: Sequence[CreditedLine]) -> None:
    """What is left of one would hang on the other."""
    seen: dict[tuple[object, ...], str] = {}
    for each in lines:
        scope, name = scope_of(each.stored), each.stored.line.id
        if scope in seen:
            raise DisputeRefused([f"lines {seen[scope]} and {name} are for the same usage: credit one"])
        seen[scope] = name


def _given(dispute: Dispute, planned: Sequence[PlannedNote]) -> int:
    """Minor units, counted as the claim is: of a line before taxes that are added, else with them."""
    of_line = dispute.claim.line is not None
    return sum(each.amount.minor if of_line else -each.note.total.minor for each in planned)


def _check_sum(dispute: Dispute, outcome: Outcome, planned: Sequence[PlannedNote]) -> None:
    """Upheld is all that is disputed, in part is less. Raises `DisputeRefused`."""
    claim, asked, given = dispute.claim, claim_minor(dispute), _given(dispute, planned)
    both = f"{Money(given, claim.currency)} would be given back of {Money(asked, claim.currency)} disputed"
    if outcome is Act.UPHELD and given != asked:
        raise DisputeRefused([f"{both}: that is not all (partly-upheld), or too much"])
    if outcome is Act.PARTLY_UPHELD and given >= asked:
        raise DisputeRefused([f"{both}: that is not a part of it"])


def _event(
    home: Home,
    dispute: Dispute,
    order: DecisionOrder,
    decision: Decision,
    approved_by: str | None,
    planned: Sequence[PlannedNote],
) -> DisputeEvent:
    credits_ = tuple(
        CreditGiven(each.line.stored.line.id, each.note.id, each.amount.minor, -each.note.total.minor)
        for each in planned
    )
    approver = None if approved_by is None else approved_by.strip()
    said = Decided(order.outcome, decision.reason, approver, credits_, order.corrected)
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
    run = home.books.closes.start(as_of=now, cutoff=planned[0].note.cutoff, cutoff_at=now)
    keep_head(home, run)
    try:
        sealed = home.books.disputes.record(step, notes=notes, run=run)
    except Unavailable:
        raise  # nobody knows what became of it: the next run looks, and tells
    except TieoutError:
        home.books.closes.end(run, at=home.clock.now())  # refused: nothing of it was written
        raise
    home.books.closes.end(run, at=home.clock.now())
    return sealed


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
