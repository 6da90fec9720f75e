"""Disputes for tests: each act with something to say, in any order."""

from __future__ import annotations

from tieout.dispute.deadline import deadlines
from tieout.dispute.event import (
    Assigned,
    Claim,
    CreditGiven,
    Decided,
    DisputeEvent,
    Examined,
    Isolated,
    Isolation,
    Messaged,
    Noted,
    Opened,
    PackRef,
    Released,
    Reopened,
    Said,
    TracedAmount,
)
from tieout.dispute.role import Role
from tieout.dispute.state import Act
from tieout.dispute.type import DisputeType
from tieout.kernel.ids import CustomerId, InvoiceId, LineId
from tieout.kernel.instant import HOUR_MICROSECONDS, Instant, parse_instant
from tieout.kernel.money import currency

OPENED_AT = parse_instant("2026-02-05T10:00:00Z")
ZONE = "America/New_York"
LINE = LineId("in_1-003")
CLAIM = Claim(DisputeType.DATA, LINE, currency("USD"), 1000, 1190)
PACK = PackRef("a" * 64, "b" * 64, 12_345, 20)
OWNERS = ((Role.OPS, "Olga"), (Role.ENGINEERING, "Eva"), (Role.FINANCE, "Finn"))


def isolation(at: Instant) -> Isolation:
    return Isolation("they count 12", "Eva", "Olga", Instant(at + 7 * 24 * HOUR_MICROSECONDS))


def opened(claim: Claim = CLAIM, pack: PackRef | None = PACK) -> Opened:
    due = deadlines(claim.type, OPENED_AT, ZONE)
    return Opened(claim, "not ours", ZONE, OWNERS, due, pack, None if pack else "differs", None)


def said(act: Act, at: Instant) -> Said:
    """What each act says, the same for the same instant."""
    examined = Examined(PACK, (TracedAmount(LINE, "10.00", True),), (), 0, None)
    match act:
        case Act.OPENED:
            return opened()
        case Act.NOTED:
            return Noted(f"seen at {at}")
        case Act.MESSAGED:
            return Messaged("We look at it.", f"notice_{at}")
        case Act.ASSIGNED:
            return Assigned(Role.ENGINEERING if at % 2 else Role.OPS, f"Person {at % 7}", "on leave")
        case Act.REPRODUCED:
            return examined
        case Act.CONFLICTED:
            return Examined(PACK, (), ("line: 12, not 13",), 1, isolation(at))
        case Act.ISOLATED:
            return Isolated(isolation(at))
        case Act.RELEASED:
            return Released("sent twice", True, "Olga")
        case Act.REOPENED:
            return Reopened("they found more", deadlines(CLAIM.type, at, ZONE))
        case _:
            given = act in (Act.UPHELD, Act.PARTLY_UPHELD)
            notes = (CreditGiven(LINE, InvoiceId("in_note"), 1000, 1190),) if given else ()
            return Decided(act, "as it was found", "Finn" if given else None, notes)


def history(
    *acts: Act, dispute: str = "dp_1", invoice: str = "in_1", claim: Claim = CLAIM
) -> list[DisputeEvent]:
    """Those acts, an hour apart."""
    found = []
    for place, act in enumerate(acts):
        at = Instant(OPENED_AT + place * HOUR_MICROSECONDS)
        what = opened(claim) if act is Act.OPENED else said(act, at)
        found.append(
            DisputeEvent(dispute, place + 1, CustomerId("acme"), InvoiceId(invoice), at, "Olga", what)
        )
    return found
