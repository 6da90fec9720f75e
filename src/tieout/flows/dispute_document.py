"""A dispute as programs see it: the interface and `--json`. Amounts are decimal texts."""

from __future__ import annotations

from collections.abc import Sequence

from tieout.dispute.dispute import Dispute
from tieout.dispute.event import (
    Assigned,
    CreditGiven,
    Deadlines,
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
)
from tieout.dispute.overdue import done_late, overdue
from tieout.dispute.owners import Owners
from tieout.dispute.role import Role
from tieout.dispute.type import RULES
from tieout.flows.say_dispute import Sent
from tieout.kernel.instant import Instant, format_instant
from tieout.kernel.money import Currency, Money

Member = None | bool | int | str | Sequence["Member"] | dict[str, "Member"]
FOR_CUSTOMERS = frozenset({Opened, Messaged, Decided, Reopened})
"""What of a dispute its customer sees: not who works on it, nor what they found."""


def dispute_json(dispute: Dispute, *, now: Instant) -> dict[str, Member]:
    """As it stands, without its events."""
    claim, unit = dispute.claim, dispute.claim.currency
    return {
        **customer_json(dispute),
        "opened_by": dispute.opened_by,
        "routed_to": RULES[claim.type].routed_to.value,
        "owners": {role.value: person for role, person in sorted(dispute.owners.items())},
        "overdue": [each.value for each in overdue(dispute, now=now)],
        "done_late": [each.value for each in done_late(dispute)],
        "update_by": None if dispute.update_by is None else format_instant(dispute.update_by),
        "pack": None if dispute.pack is None else pack_json(dispute.pack),
        "evidence": None if dispute.examined is None else _examined(dispute.examined),
        "hold": None if dispute.hold is None else _isolation(dispute.hold),
        "defect": None if dispute.released is None else dispute.released.defect,
        "credits": [_credit(each, unit) for each in dispute.credits],
    }


def customer_json(dispute: Dispute) -> dict[str, Member]:
    """What its customer sees of it."""
    claim, unit = dispute.claim, dispute.claim.currency
    return {
        "id": dispute.id,
        "customer": dispute.customer,
        "invoice": dispute.invoice,
        "line": claim.line,
        "type": claim.type.value,
        "state": dispute.state.value,
        "is_open": dispute.is_open,
        "amount": claim.money.decimal_text,
        "with_tax": Money(claim.with_tax, unit).decimal_text,
        "not_collected": Money(dispute.not_collected, unit).decimal_text,
        "currency": unit.code,
        "reason": dispute.reason,
        "opened_at": format_instant(dispute.opened_at),
        "is_answered": dispute.is_answered,
        **_deadlines(dispute.deadlines),
    }


def events_json(dispute: Dispute) -> list[Member]:
    """All of them, the first first."""
    return [event_json(each, dispute.claim.currency) for each in dispute.events]


def customer_events_json(dispute: Dispute) -> list[Member]:
    """Those that its customer sees."""
    seen = (each for each in dispute.events if type(each.said) in FOR_CUSTOMERS)
    return [event_json(each, dispute.claim.currency, internal=False) for each in seen]


def event_json(event: DisputeEvent, unit: Currency, *, internal: bool = True) -> dict[str, Member]:
    by: dict[str, Member] = {"by": event.person} if internal else {}
    return {
        "ordinal": event.ordinal,
        "act": event.act.value,
        "at": format_instant(event.at),
        **by,
        **_said(event, unit, internal=internal),
    }


def _said(event: DisputeEvent, unit: Currency, *, internal: bool) -> dict[str, Member]:
    match event.said:
        case Opened(reason=reason) as said:
            inside: dict[str, Member] = {
                "owners": {role.value: person for role, person in said.owners},
                "pack": None if said.pack is None else pack_json(said.pack),
                "without_pack": said.without_pack,
                "api_key": said.api_key,
            }
            return {"reason": reason, **_deadlines(said.deadlines), **(inside if internal else {})}
        case Noted(text):
            return {"text": text}
        case Messaged(text, notice):
            return {"text": text, "notice": notice}
        case Assigned(role, to, reason):
            return {"role": role.value, "to": to, "reason": reason}
        case Examined() as said:
            return _examined(said)
        case Isolated(isolation):
            return {"hold": _isolation(isolation)}
        case Released(reason, defect, agreed_by):
            return {"reason": reason, "defect": defect, "agreed_by": agreed_by}
        case Decided() as said:
            approved: dict[str, Member] = {"approved_by": said.approved_by} if internal else {}
            return {
                "reason": said.reason,
                "corrected": said.corrected,
                **approved,
                "credits": [_credit(each, unit) for each in said.credits],
            }
        case Reopened(reason, deadlines):
            return {"reason": reason, **_deadlines(deadlines)}


def pack_json(pack: PackRef) -> dict[str, Member]:
    return {
        "sha256": pack.sha256,
        "manifest_sha256": pack.manifest_sha256,
        "bytes": pack.bytes_count,
        "events": pack.events,
    }


def sent_json(sent: Sequence[Sent]) -> list[Member]:
    """Messages to the customer, and how each went."""
    return [
        {
            "ordinal": each.event.ordinal,
            "notice": None if each.notice is None else each.notice.notice.id,
            "targets": [
                {"target": message.target, "state": message.state.value} for message in each.messages
            ],
        }
        for each in sent
    ]


def owners_json(owners: Owners) -> dict[str, Member]:
    return {
        "owners": {role.value: list(owners.persons.get(role, ())) for role in Role},
        "targets": {role.value: list(owners.targets.get(role, ())) for role in Role},
        "missing": [each.value for each in owners.missing],
        "by": owners.person or None,
        "reason": owners.reason or None,
        "at": None if owners.at is None else format_instant(owners.at),
    }


def _deadlines(each: Deadlines) -> dict[str, Member]:
    return {
        "respond_by": format_instant(each.respond_by),
        "decide_by": format_instant(each.decide_by),
    }


def _examined(said: Examined) -> dict[str, Member]:
    return {
        "reproduced": said.isolation is None,
        "pack_sha256": None if said.pack is None else said.pack.sha256,
        "lines": [{"line": each.line, "amount": each.amount, "matches": each.matches} for each in said.lines],
        "findings": list(said.findings),
        "found": said.found,
    }


def _isolation(each: Isolation) -> dict[str, Member]:
    return {"reason": each.reason, "engineering": each.engineering, "ops": each.ops}


def _credit(each: CreditGiven, unit: Currency) -> dict[str, Member]:
    return {
        "line": each.line,
        "note": each.note,
        "amount": Money(each.amount, unit).decimal_text,
        "with_tax": Money(each.with_tax, unit).decimal_text,
    }
