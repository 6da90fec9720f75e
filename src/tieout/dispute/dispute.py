"""A dispute as it stands: its events folded. Nothing of it is stored but they."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from tieout.dispute.deadline import next_update
from tieout.dispute.event import (
    Assigned,
    Claim,
    CreditGiven,
    Deadlines,
    Decided,
    DisputeEvent,
    Examined,
    Isolated,
    Isolation,
    Messaged,
    Opened,
    PackRef,
    Released,
    Reopened,
)
from tieout.dispute.role import Role
from tieout.dispute.state import OPEN_STATES, State, moved
from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.ids import CustomerId, InvoiceId
from tieout.kernel.instant import Instant


class DisputeDamaged(IntegrityViolation):
    """The stored events of a dispute are not what was recorded."""

    code = "dispute-damaged"

    def __init__(self, dispute: str, why: str) -> None:
        super().__init__(f"The events of dispute {dispute} cannot be read: {why}.")


@dataclass(frozen=True, slots=True)
class Dispute:
    """`examined`: the last look at the evidence since it was opened (or opened again, or a hold was
    released); `hold` while records conflict. `is_answered`: ops has written to the customer since it was
    opened. `update_by`: while the hold stands, when the customer hears the next time at the latest.
    """

    id: str
    customer: CustomerId
    invoice: InvoiceId
    claim: Claim
    reason: str
    zone_name: str
    state: State
    owners: Mapping[Role, str]
    deadlines: Deadlines
    pack: PackRef | None
    opened_at: Instant
    opened_by: str
    api_key: str | None
    events: tuple[DisputeEvent, ...]
    examined: Examined | None = None
    hold: Isolation | None = None
    is_answered: bool = False
    update_by: Instant | None = None
    released: Released | None = None
    decided: Decided | None = None

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES

    @property
    def not_collected(self) -> int:
        """Minor units of the invoice that nobody asks for meanwhile."""
        return self.claim.with_tax if self.is_open else 0

    @property
    def credits(self) -> tuple[CreditGiven, ...]:
        return () if self.decided is None else self.decided.credits

    @property
    def last(self) -> DisputeEvent:
        return self.events[-1]


def fold(events: Sequence[DisputeEvent]) -> Dispute:
    """All events of one dispute, in their order. Raises `DisputeDamaged` where they are not such, and
    `NoSuchMove` where the table has no way through them."""
    first = events[0]
    if not isinstance(first.said, Opened):
        raise DisputeDamaged(first.dispute, "the first does not open it")
    opened = first.said
    found = Dispute(
        id=first.dispute,
        customer=first.customer,
        invoice=first.invoice,
        claim=opened.claim,
        reason=opened.reason,
        zone_name=opened.zone_name,
        state=moved(None, first.act),
        owners=dict(opened.owners),
        deadlines=opened.deadlines,
        pack=opened.pack,
        opened_at=first.at,
        opened_by=first.person,
        api_key=opened.api_key,
        events=(first,),
    )
    for event in events[1:]:
        found = after(found, event)
    return found


def after(dispute: Dispute, event: DisputeEvent) -> Dispute:
    """One event more. Raises as `fold` does."""
    expected = (dispute.id, len(dispute.events) + 1, dispute.customer, dispute.invoice)
    if (event.dispute, event.ordinal, event.customer, event.invoice) != expected:
        raise DisputeDamaged(dispute.id, f"event {event.ordinal} of {event.dispute} does not follow")
    if event.at < dispute.last.at:
        raise DisputeDamaged(dispute.id, f"event {event.ordinal} is older than the one before it")
    on = replace(dispute, state=moved(dispute.state, event.act), events=(*dispute.events, event))
    match event.said:
        case Messaged():
            due = None if on.hold is None else next_update(event.at, on.zone_name)
            return replace(on, is_answered=True, update_by=due)
        case Assigned(role, to, _):
            return _assigned(on, role, to)
        case Examined():
            on = replace(on, examined=event.said, pack=event.said.pack or on.pack)
            return _held(on, event.said.isolation)
        case Isolated():
            return _held(on, event.said.isolation)
        case Released():
            return replace(on, hold=None, update_by=None, examined=None, released=event.said)
        case Decided():
            return replace(on, decided=event.said)
        case Reopened():
            return replace(
                on,
                deadlines=event.said.deadlines,
                decided=None,
                examined=None,
                released=None,
                is_answered=False,
            )
        case _:
            return on


def disputes_of(events: Iterable[DisputeEvent]) -> tuple[Dispute, ...]:
    """Events by dispute, each in its order: the disputes, by when they were opened."""
    found = [fold(list(each)) for _, each in groupby(events, key=lambda event: event.dispute)]
    return tuple(sorted(found, key=lambda each: (each.opened_at, each.id)))


def _held(dispute: Dispute, isolation: Isolation | None) -> Dispute:
    if isolation is None:
        return dispute
    owners = {**dispute.owners, Role.ENGINEERING: isolation.engineering, Role.OPS: isolation.ops}
    return replace(dispute, hold=isolation, update_by=isolation.update_by, owners=owners)


def _assigned(dispute: Dispute, role: Role, to: str) -> Dispute:
    hold = dispute.hold
    if hold is not None and role is Role.OPS:
        hold = replace(hold, ops=to)
    elif hold is not None and role is Role.ENGINEERING:
        hold = replace(hold, engineering=to)
    return replace(dispute, owners={**dispute.owners, role: to}, hold=hold)
