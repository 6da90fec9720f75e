"""What people say and do about a dispute beside deciding it: notes, messages to the customer, owners, a hold
placed and ended, and one that is opened again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tieout.contract.notice_target import Severity
from tieout.dispute.deadline import deadlines
from tieout.dispute.dispute import Dispute
from tieout.dispute.event import (
    Assigned,
    DisputeEvent,
    Isolated,
    Messaged,
    Noted,
    Released,
    Reopened,
)
from tieout.dispute.refused import DisputeRefused
from tieout.dispute.role import Role
from tieout.dispute.state import Act, moved
from tieout.flows.decision import decision_now, named
from tieout.flows.disputes import Known, check_role, dispute_notice, find_dispute, owners_in_force, recorded
from tieout.flows.examine_dispute import isolated_notices, isolation_of
from tieout.flows.home import Home
from tieout.flows.open_dispute import check_reopened_room
from tieout.flows.own_targets import own_notice_targets
from tieout.kernel.errors import Refusal, shown
from tieout.kernel.instant import Instant
from tieout.kernel.person import is_same_person
from tieout.notice.notice import Notice, notice_id
from tieout.notice.routing import takes
from tieout.ports import RecordedNotice, StoredMessage

MESSAGE_KIND: Final = "customer.dispute.message"
MESSAGE_BYTES_MAX: Final = 4_000
MESSAGES_MAX: Final = 10


class MalformedMessage(Refusal):
    """It cannot be sent so."""

    code = "malformed-message"

    def __init__(self, text: str) -> None:
        super().__init__(
            f"The text must be plain lines of together at most {MESSAGE_BYTES_MAX} bytes, not {shown(text)}. "
            "Nothing was recorded."
        )


@dataclass(frozen=True, slots=True)
class Sent:
    """A message to the customer, its notice, and how its delivery goes; no `messages` once it has left the
    outbox: the customer has no target that takes it."""

    event: DisputeEvent
    notice: RecordedNotice | None
    messages: tuple[StoredMessage, ...]


def note_dispute(home: Home, id: str, *, person: str, text: str) -> Dispute:
    """For those who work on it; the customer does not see it."""
    said = decision_now(home, person=person, reason=_lines(text).replace("\n", " "), what="the note (--text)")
    return recorded(home, id, said.person, lambda *_: Noted(_lines(text)))


def message_customer(home: Home, id: str, *, person: str, text: str) -> Dispute:
    """Kept with the dispute, and given to the outbox, which brings it to the customer's own targets. Raises
    `WrongRole`, `MalformedMessage`."""
    by = named(person)
    check_role(home, by, Act.MESSAGED, "write to the customer of a dispute")
    said = _lines(text)

    def make(dispute: Dispute, _known: Known, _at: Instant) -> Messaged:
        return Messaged(said, notice_id(MESSAGE_KIND, dispute.id, str(len(dispute.events) + 1)))

    def tell(dispute: Dispute, event: DisputeEvent) -> Sequence[Notice]:
        return (
            dispute_notice(
                home,
                event,
                MESSAGE_KIND,
                severity=Severity.INFO,
                title=f"About your dispute {dispute.id}",
                text=said,
            ),
        )

    return recorded(home, id, by, make, tell=tell)


def sent_to_customer(home: Home, dispute: Dispute) -> tuple[Sent, ...]:
    """Every message, the first first."""
    found = []
    for event in dispute.events:
        if isinstance(event.said, Messaged):
            notice = home.books.notices.find(event.said.notice)
            messages: tuple[StoredMessage, ...] = ()
            if notice is not None:
                messages = home.books.notices.messages(
                    notice=notice.notice.id, target=None, limit=MESSAGES_MAX
                )
            found.append(Sent(event, notice, messages))
    return tuple(found)


def takers(home: Home, sent: Sent) -> tuple[str, ...]:
    """The customer's own targets that take the message as they are now."""
    if sent.notice is None:
        return ()
    targets = own_notice_targets(home, sent.event.customer)
    return tuple(each.key for each in targets if takes(each, sent.notice.notice))


def assign_dispute(home: Home, id: str, role: Role, *, to: str, person: str, reason: str) -> Dispute:
    """Another owner of that role. Raises `WrongRole` where either has no such role."""
    said = decision_now(home, person=person, reason=reason)
    owners = check_role(home, said.person, Act.ASSIGNED, "assign a dispute")
    owners.check(to, [role], f"own disputes as {role.value}")
    owner = next(each for each in owners.persons[role] if is_same_person(each, to))
    return recorded(home, id, said.person, lambda *_: Assigned(role, owner, said.reason))


def isolate_dispute(home: Home, id: str, *, person: str, reason: str) -> Dispute:
    """By a person, who says which records say something else. Raises `WrongRole`, `NoSuchMove`."""
    said = decision_now(home, person=person, reason=reason)
    check_role(home, said.person, Act.ISOLATED, "isolate a dispute")

    def make(dispute: Dispute, _known: Known, at: Instant) -> Isolated:
        return Isolated(isolation_of(home, dispute, said.reason, at))

    return recorded(home, id, said.person, make, tell=lambda *step: isolated_notices(home, *step))


def release_dispute(
    home: Home, id: str, *, person: str, agreed_by: str, defect: bool, reason: str
) -> Dispute:
    """Ends the hold: the engineering owner says what was found, the ops owner agrees. Raises `WrongRole`,
    `DisputeRefused` where they are not the hold's two owners, `NoSuchMove`."""
    said = decision_now(home, person=person, reason=reason)
    other = named(agreed_by, "the person who agrees (--agreed-by)")
    owners = owners_in_force(home)
    owners.check(said.person, [Role.ENGINEERING], "end the hold of a dispute")
    owners.check(other, [Role.OPS], "agree to end the hold of a dispute")

    def make(dispute: Dispute, _known: Known, _at: Instant) -> Released:
        hold = dispute.hold
        if hold is not None:
            pairs = ((said.person, hold.engineering, "engineering"), (other, hold.ops, "ops"))
            wrong = [
                f"{given} does not own the hold: {owner} does, for {role} (`tieout dispute assign`)"
                for given, owner, role in pairs
                if not is_same_person(given, owner)
            ]
            if wrong:
                raise DisputeRefused(wrong)
        return Released(said.reason, defect, other)

    if is_same_person(said.person, other):
        raise DisputeRefused([f"{other} says and agrees: another person of ops agrees (--agreed-by)"])
    return recorded(home, id, said.person, make)


def reopen_dispute(home: Home, id: str, *, person: str, reason: str) -> Dispute:
    """One that was rejected or withdrawn; its amount is not collected again, within what is left. Raises
    `WrongRole`, `NoSuchMove`, `NoRoom`."""
    said = decision_now(home, person=person, reason=reason)
    check_role(home, said.person, Act.REOPENED, "open a dispute again")
    find_dispute(home, id)

    def make(dispute: Dispute, known: Known, at: Instant) -> Reopened:
        moved(dispute.state, Act.REOPENED)
        check_reopened_room(home, dispute, known)
        return Reopened(said.reason, deadlines(dispute.claim.type, at, dispute.zone_name))

    return recorded(home, id, said.person, make, papers=True)


def _lines(text: str) -> str:
    lines = text.strip().replace("\r\n", "\n")
    if (
        not lines
        or len(lines.encode()) > MESSAGE_BYTES_MAX
        or not all(each.isprintable() for each in lines.split("\n"))
    ):
        raise MalformedMessage(text)
    return lines
