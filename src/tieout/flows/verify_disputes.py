"""Verify disputes: their events fold, what was claimed is what was told, the packs that they keep are those
on record, each decision has its notes and each note of a dispute its decision, and a message to a customer is
the notice in the outbox."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Final

from tieout.dispute.dispute import Dispute, disputes_of
from tieout.dispute.event import Decided, Messaged, Opened
from tieout.dispute.opening import opened_words
from tieout.dispute.state import State
from tieout.flows.approved_reason import ApprovedReason, decided_text
from tieout.flows.home import Home
from tieout.flows.open_dispute import OPENED_KIND
from tieout.invoice.earlier import parse_correction
from tieout.invoice.invoice import KIND_NOTE
from tieout.kernel.errors import TieoutError
from tieout.kernel.ids import CustomerId
from tieout.notice.notice import notice_id, one_line, plain_line
from tieout.ports import LogFinding
from tieout.rate.credit import PREFIX

DISPUTE: Final = "dispute"


def dispute_findings(home: Home) -> Iterator[LogFinding]:
    """Reads every dispute and its pack, and all notes: one may say that it is of a dispute that is gone."""
    noted = {each.customer for each in home.books.invoices.sealed() if each.kind == KIND_NOTE}
    for customer in sorted(noted.union(home.books.disputes.customers())):
        try:
            disputes = disputes_of(home.books.disputes.events(customer))
            given = _notes_given(home, customer)
        except (TieoutError, ValueError, KeyError, TypeError) as error:
            why = f"its disputes cannot be read: {type(error).__name__}: {error}"
            yield LogFinding(DISPUTE, customer, why)
            continue
        for dispute in disputes:
            yield from _of_pack(home, dispute)
            yield from _of_notes(home, dispute, given.pop(dispute.id, {}))
            yield from _of_messages(home, dispute)
            yield from _of_opening(home, dispute)
        for id, notes in sorted(given.items()):
            yield LogFinding(DISPUTE, id, f"notes {', '.join(sorted(notes))} are of it, and it is not there")


def note_reason(id: str) -> str:
    """How the reason of a note begins that a dispute gave."""
    return f"{DISPUTE} {id}: "


def decision_words(id: str, reason: str, person: str, approved_by: str | None) -> str:
    """How a note says of which decision it is."""
    return note_reason(id) + decided_text(ApprovedReason(reason, person, str(approved_by)))


def _notes_given(home: Home, customer: CustomerId) -> dict[str, dict[str, str]]:
    """By dispute the notes whose lines say that they are of it, with what they say."""
    found: dict[str, dict[str, str]] = {}
    for row in home.books.corrections.settled([customer]).get(customer, ()):
        if not row.charge.price.startswith(PREFIX):
            continue
        correction = parse_correction(row.line.correction)
        words = "" if correction is None else correction.reason
        id = words.removeprefix(f"{DISPUTE} ").partition(":")[0]
        if words.startswith(note_reason(id)) and id.startswith("dp_"):
            found.setdefault(id, {})[row.invoice.id] = words
    return found


def _of_pack(home: Home, dispute: Dispute) -> Iterator[LogFinding]:
    if dispute.pack is None:
        return
    content = home.kept_packs.read(dispute.pack.sha256)
    if content is None:
        yield LogFinding(
            DISPUTE, dispute.id, f"its pack is gone: {home.kept_packs.place(dispute.pack.sha256)}"
        )
    elif (digest := sha256(content).hexdigest()) != dispute.pack.sha256:
        yield LogFinding(
            DISPUTE, dispute.id, f"its pack has SHA-256 {digest}, and {dispute.pack.sha256} is on record"
        )


def _of_notes(home: Home, dispute: Dispute, given: Mapping[str, str]) -> Iterator[LogFinding]:
    decided = {each.note: each for each in dispute.credits}
    if dispute.state is State.UPHELD and not decided and not (dispute.decided and dispute.decided.corrected):
        yield LogFinding(DISPUTE, dispute.id, "it is upheld, and nothing gives back what was disputed")
    for note in sorted(given.keys() - decided.keys()):
        yield LogFinding(DISPUTE, dispute.id, f"note {note} says it is of it, and it was not decided so")
    for note, credit in decided.items():
        stored = home.books.invoices.find(note)
        words = _decided_words(dispute, note)
        if note in given and not given[note].startswith(words):
            yield LogFinding(
                DISPUTE, dispute.id, f"note {note} says otherwise why and by whom it was decided"
            )
        if note not in given or stored is None:
            yield LogFinding(DISPUTE, dispute.id, f"it was decided with note {note}, which is not there")
        elif -stored.total_minor != credit.with_tax:
            said = f"note {stored.number} comes to {-stored.total_minor} minor units"
            yield LogFinding(DISPUTE, dispute.id, f"{said}, and {credit.with_tax} were decided")


def _decided_words(dispute: Dispute, note: str) -> str:
    """Of the decision that names the note."""
    for event in dispute.events:
        said = event.said
        if isinstance(said, Decided) and any(each.note == note for each in said.credits):
            return decision_words(dispute.id, said.reason, event.person, said.approved_by)
    return note_reason(dispute.id)


def _of_messages(home: Home, dispute: Dispute) -> Iterator[LogFinding]:
    for event in dispute.events:
        if isinstance(event.said, Messaged):
            recorded = home.books.notices.find(event.said.notice)
            if recorded is None or recorded.notice.text != event.said.text:
                yield LogFinding(
                    DISPUTE,
                    dispute.id,
                    f"message {event.ordinal} is not what notice {event.said.notice} tells",
                )


def _of_opening(home: Home, dispute: Dispute) -> Iterator[LogFinding]:
    """What was claimed is told in the transaction that recorded it."""
    event = dispute.events[0]
    invoice = home.books.invoices.find(dispute.invoice)
    if not isinstance(event.said, Opened) or invoice is None:
        return
    title, text = opened_words(event, event.said, invoice.number)
    told = home.books.notices.find(notice_id(OPENED_KIND, dispute.id, str(event.ordinal)))
    plain = "\n".join(plain_line(line) for line in text.split("\n"))
    if told is None or (told.notice.title, told.notice.text) != (one_line(title), plain):
        yield LogFinding(DISPUTE, dispute.id, "what was claimed is not what was told when it was opened")
