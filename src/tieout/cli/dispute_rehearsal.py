"""Rehearses disputes: each type is opened on another customer's invoice and taken to its end, and each step
is checked by what the home holds then, not by what the step answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

from tieout.cli.dispute_scratch import ENGINEERING, FINANCE, OPS, apart, scratch_home
from tieout.dispute.decision import DecisionOrder
from tieout.dispute.dispute import Dispute
from tieout.dispute.event import Outcome
from tieout.dispute.opening import DisputeOrder
from tieout.dispute.role import Role
from tieout.dispute.state import Act, State
from tieout.dispute.type import RULES, DisputeType
from tieout.evidence.pack.minisign import public_key_text
from tieout.evidence.stored import StoredInvoice
from tieout.evidence.verify.verify import verify_pack
from tieout.flows.collectable import collectables
from tieout.flows.decide_dispute import decide_dispute
from tieout.flows.dispute_evidence import lacking
from tieout.flows.disputes import find_dispute
from tieout.flows.examine_dispute import examine_dispute
from tieout.flows.home import Home
from tieout.flows.open_dispute import open_dispute
from tieout.flows.say_dispute import (
    isolate_dispute,
    message_customer,
    release_dispute,
    sent_to_customer,
)
from tieout.flows.trace_line import trace
from tieout.flows.verify_books import verify_books
from tieout.invoice.stored_document import read_document
from tieout.kernel.errors import TieoutError
from tieout.kernel.ids import LineId
from tieout.kernel.money import Money, currency
from tieout.kernel.rational import exact
from tieout.ledger.balances import Selection

OUTCOMES: Final[dict[DisputeType, Outcome]] = {
    DisputeType.EVIDENCE: Act.REJECTED,
    DisputeType.PRICE: Act.PARTLY_UPHELD,
    DisputeType.SERVICE: Act.UPHELD,
    DisputeType.CUSTOMER_DETAILS: Act.WITHDRAWN,
    DisputeType.DATA: Act.UPHELD,
    DisputeType.WORKFLOW: Act.PARTLY_UPHELD,
}
DAMAGED: Final = frozenset({DisputeType.DATA})
"""The rehearsal flips a byte of the kept pack: records conflict, and the look at the evidence must say so."""
CONTRADICTED: Final = frozenset({DisputeType.WORKFLOW})
"""Ops says that the customer's records differ: isolated by a person."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that a step must have brought about, and what was found."""

    type: DisputeType
    step: str
    what: str
    holds: bool
    found: str


@dataclass(slots=True)
class _Rehearsal:
    """One dispute on the stage."""

    home: Home
    type: DisputeType
    invoice: StoredInvoice
    line: LineId
    amount: Money
    open_before: int
    checks: list[Check] = field(default_factory=list)
    id: str = ""

    @property
    def dispute(self) -> Dispute:
        """As the books hold it now."""
        return find_dispute(self.home, self.id)

    def check(self, step: str, what: str, holds: bool, found: object) -> None:
        self.checks.append(Check(self.type, step, what, holds, str(found)))


def rehearse(folder: Path, types: Sequence[DisputeType]) -> tuple[Check, ...]:
    """In a new scratch home in `folder`."""
    checks: list[Check] = []
    with apart(), scratch_home(folder).home as home:
        for type, (invoice, line, amount) in zip(types, _subjects(home), strict=False):
            owed = home.books.ledger.open_receivables(invoice.customer)[invoice.id]
            play = _Rehearsal(home, type, invoice, line, amount, owed)
            _played(play)
            checks += play.checks
        findings = verify_books(home).findings
        said = f"{len(findings)} findings"
        checks.append(Check(types[-1], "ledger", "the books verify", not findings, said))
    return tuple(checks)


def _subjects(home: Home) -> Iterator[tuple[StoredInvoice, LineId, Money]]:
    """For each customer with one the dearest line of usage of its invoice, and half of it."""
    for listed in home.books.invoices.sealed():
        invoice = home.books.invoices.find(listed.id)
        assert invoice is not None, "it was listed"
        document = read_document(invoice.number, invoice.document)
        lines = [each for each in document.lines if each.meter is not None]
        dearest = max(lines, key=lambda each: exact(each.amount), default=None)
        stored = None if dearest is None else home.books.invoices.evidence(dearest.id)
        if stored is not None and stored.line.amount_minor >= 2:
            yield invoice, stored.line.id, Money(stored.line.amount_minor // 2, currency(invoice.currency))


def _played(play: _Rehearsal) -> None:
    """Every step; one that raises is a failed check, and ends this dispute."""
    steps: list[tuple[str, Callable[[_Rehearsal], None]]] = [("open", _opened), ("message", _told)]
    if play.type in CONTRADICTED:
        steps += [("isolate", _contradicted), ("release", _released)]
    elif play.type in DAMAGED:
        steps += [("evidence", _damaged), ("release", _released)]
    else:
        steps += [("evidence", _examined)]
    steps += [("decide", _decided), ("credit", _credited), ("ledger", _posted)]
    for step, act in steps:
        try:
            act(play)
        except TieoutError as error:
            play.check(step, "no refusal", False, error)
            return


def _opened(play: _Rehearsal) -> None:
    order = DisputeOrder(
        play.invoice.number, play.line, play.type, play.amount.decimal_text, RULES[play.type].meaning
    )
    play.id = open_dispute(play.home, order, person=OPS).dispute.id
    dispute, rule = play.dispute, RULES[play.type]
    owner = {Role.OPS: OPS, Role.ENGINEERING: ENGINEERING}[rule.routed_to]
    play.check("open", "it is open", dispute.state is State.OPEN, dispute.state.value)
    play.check(
        "route",
        f"{rule.routed_to.value} owns it by name",
        dispute.owners.get(rule.routed_to) == owner,
        dispute.owners.get(rule.routed_to),
    )
    pack = dispute.pack
    content = None if pack is None else play.home.kept_packs.read(pack.sha256)
    kept = content is not None and pack is not None and sha256(content).hexdigest() == pack.sha256
    play.check("open", "its pack is kept under its digest", kept, None if pack is None else pack.sha256[:16])
    _check_collectable(play, "open", dispute.claim.with_tax)


def _told(play: _Rehearsal) -> None:
    message_customer(play.home, play.id, person=OPS, text="We have your dispute and look at the evidence.")
    (sent,) = sent_to_customer(play.home, play.dispute)
    found = None if sent.notice is None else sent.notice.notice.id
    play.check("message", "the outbox has it", found is not None, found)


def _examined(play: _Rehearsal) -> None:
    examine_dispute(play.home, play.id, person=OPS)
    dispute = play.dispute
    _check_pack(play, "evidence", verifies=True)
    matches = trace(play.home, play.line, page_size=1).reproduced.matches
    play.check("evidence", "the trace gives the amount again", matches, matches)
    play.check("evidence", "it is reproduced", dispute.state is State.REPRODUCED, dispute.state.value)
    missing = lacking(play.home, dispute)
    play.check("evidence", "the evidence is complete", not missing, ", ".join(missing) or "complete")


def _damaged(play: _Rehearsal) -> None:
    pack = play.dispute.pack
    assert pack is not None, "it was checked"
    file = Path(play.home.kept_packs.place(pack.sha256))
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    _check_pack(play, "evidence", verifies=False)
    examine_dispute(play.home, play.id, person=ENGINEERING)
    _check_held(play, "evidence")
    content[len(content) // 2] ^= 1
    file.write_bytes(content)  # the repair


def _contradicted(play: _Rehearsal) -> None:
    isolate_dispute(play.home, play.id, person=OPS, reason="the customer's own count differs")
    _check_held(play, "isolate")


def _released(play: _Rehearsal) -> None:
    refused = "decided"
    try:
        _decide(play)
    except TieoutError as error:
        refused = error.code
    play.check("release", "nothing is decided before", play.dispute.decided is None, refused)
    reason = "found, and mended"
    release_dispute(play.home, play.id, person=ENGINEERING, agreed_by=OPS, defect=True, reason=reason)
    play.check("release", "the hold is ended", play.dispute.hold is None, play.dispute.state.value)


def _decided(play: _Rehearsal) -> None:
    _decide(play)
    outcome = OUTCOMES[play.type]
    found = play.dispute
    play.check("decide", f"it is {outcome.value}", found.state.value == outcome.value, found.state.value)


def _decide(play: _Rehearsal) -> None:
    outcome, dispute = OUTCOMES[play.type], play.dispute
    part = Money(max(play.amount.minor // 2, 1), play.amount.currency)
    gives = outcome in (Act.UPHELD, Act.PARTLY_UPHELD)
    order = DecisionOrder(outcome, part.decimal_text if outcome is Act.PARTLY_UPHELD else None)
    person = ENGINEERING if RULES[play.type].routed_to is Role.ENGINEERING else OPS
    decide_dispute(
        play.home,
        dispute.id,
        order,
        person=person,
        reason="as rehearsed",
        approved_by=FINANCE if gives else None,
    )


def _credited(play: _Rehearsal) -> None:
    given = play.dispute.credits
    expected = 1 if OUTCOMES[play.type] in (Act.UPHELD, Act.PARTLY_UPHELD) else 0
    play.check("credit", f"{expected} notes are sealed", len(given) == expected, len(given))
    for each in given:
        note = play.home.books.invoices.find(each.note)
        total = None if note is None else -note.total_minor
        play.check(
            "credit", "the note is the amount", total == each.with_tax, None if note is None else note.number
        )
        line = LineId(f"{each.note}-001")
        matches = trace(play.home, line).reproduced.matches
        play.check("credit", "the note's line traces", matches, line)


def _posted(play: _Rehearsal) -> None:
    entries = list(play.home.books.ledger.entries(Selection(customer=play.invoice.customer)))
    off = sum(posting.amount.minor for each in entries for posting in each.postings)
    play.check("ledger", "debits are credits", off == 0, off)
    given = sum(each.with_tax for each in play.dispute.credits)
    owed = play.home.books.ledger.open_receivables(play.invoice.customer)[play.invoice.id]
    unit = play.amount.currency
    play.check(
        "ledger", "what was given back is not owed", owed == play.open_before - given, Money(owed, unit)
    )
    _check_collectable(play, "ledger", 0)


def _check_held(play: _Rehearsal, step: str) -> None:
    hold = play.dispute.hold
    owners = None if hold is None else (hold.engineering, hold.ops)
    play.check(step, "a hold stands, with two owners", owners == (ENGINEERING, OPS), owners)


def _check_pack(play: _Rehearsal, step: str, *, verifies: bool) -> None:
    pack = play.dispute.pack
    content = None if pack is None else play.home.kept_packs.read(pack.sha256)
    key = public_key_text(play.home.installation_key.public_key()).encode()
    breaks = 1 if content is None else len(verify_pack(content, key).breaks)
    what = "the pack verifies" if verifies else "a flipped byte of the pack is found"
    play.check(step, what, (breaks == 0) == verifies, f"{breaks} breaks")


def _check_collectable(play: _Rehearsal, step: str, disputed: int) -> None:
    """What is open less what is disputed, worked out here once more."""
    found = next(
        (each for each in collectables(play.home, play.invoice.customer) if each.invoice == play.invoice.id),
        None,
    )
    owed = play.home.books.ledger.open_receivables(play.invoice.customer)[play.invoice.id]
    minor = 0 if found is None else found.collectable.minor
    what = "only that is not collected" if disputed else "the rest is collected"
    play.check(step, what, minor == max(owed - disputed, 0), Money(minor, play.amount.currency))
