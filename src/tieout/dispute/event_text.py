"""Events of disputes and owners as the texts that the books keep: canonical JSON, read back strictly."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from tieout.dispute.dispute import DisputeDamaged
from tieout.dispute.event import (
    Assigned,
    Claim,
    CreditGiven,
    Deadlines,
    Decided,
    Examined,
    Isolated,
    Isolation,
    Messaged,
    Noted,
    Opened,
    Outcome,
    PackRef,
    Released,
    Reopened,
    Said,
    TracedAmount,
    act_of,
)
from tieout.dispute.owners import Owners
from tieout.dispute.role import Role
from tieout.dispute.state import Act
from tieout.dispute.type import DisputeType
from tieout.kernel.canonical import JsonNumber, JsonValue, canonical_json
from tieout.kernel.errors import TieoutError
from tieout.kernel.ids import InvoiceId, LineId, NoticeTargetKey
from tieout.kernel.instant import Instant
from tieout.kernel.money import currency

Members = Mapping[str, Any]  # an object of a JSON text that has not been looked at yet
Made = TypeVar("Made")


def said_text(said: Said) -> str:
    """Raises nothing: whatever can be built can be written."""
    return canonical_json({"act": act_of(said).value, **_members(said)})


def said_of(dispute: str, text: str) -> Said:
    """Back from `said_text`. Raises `DisputeDamaged`."""
    read = _read(dispute, lambda: _said(json.loads(text)))
    if said_text(read) != text:
        raise DisputeDamaged(dispute, "an event has members that its act does not")
    return read


def owners_text(owners: Owners) -> str:
    """Without who set them, and when, which the books keep beside it."""
    return canonical_json(
        {
            role.value: {
                "persons": list(owners.persons.get(role, ())),
                "targets": list(owners.targets.get(role, ())),
            }
            for role in Role
        }
    )


def owners_of(text: str, *, person: str, reason: str, at: Instant) -> Owners:
    """Back from `owners_text`. Raises `DisputeDamaged`."""

    def read() -> Owners:
        said: Members = json.loads(text)
        persons = {role: tuple(map(_text, said[role.value]["persons"])) for role in Role}
        targets = {
            role: tuple(NoticeTargetKey(_text(each)) for each in said[role.value]["targets"]) for role in Role
        }
        return Owners(persons, targets, person, reason, at)

    return _read("owners", read)


def _read(dispute: str, read: Callable[[], Made]) -> Made:
    try:
        return read()
    except (ValueError, KeyError, TypeError, AttributeError, AssertionError, TieoutError) as error:
        raise DisputeDamaged(dispute, f"{type(error).__name__}: {error}") from None


def _members(said: Said) -> dict[str, JsonValue]:
    match said:
        case Opened():
            return _opened(said)
        case Noted(text):
            return {"text": text}
        case Messaged(text, notice):
            return {"text": text, "notice": notice}
        case Assigned(role, to, reason):
            return {"role": role.value, "to": to, "reason": reason}
        case Examined():
            return {
                "pack": _pack(said.pack),
                "lines": [
                    {"line": each.line, "amount": each.amount, "matches": each.matches} for each in said.lines
                ],
                "findings": list(said.findings),
                "found": _number(said.found),
                "isolation": None if said.isolation is None else _isolation(said.isolation),
            }
        case Isolated(isolation):
            return {"isolation": _isolation(isolation)}
        case Released(reason, defect, agreed_by):
            return {"reason": reason, "defect": defect, "agreed_by": agreed_by}
        case Decided():
            return {
                "reason": said.reason,
                "approved_by": said.approved_by,
                "corrected": said.corrected,
                "credits": [
                    {
                        "line": each.line,
                        "note": each.note,
                        "amount": _number(each.amount),
                        "with_tax": _number(each.with_tax),
                    }
                    for each in said.credits
                ],
            }
        case Reopened(reason, deadlines):
            return {"reason": reason, "deadlines": _deadlines(deadlines)}


def _opened(said: Opened) -> dict[str, JsonValue]:
    claim = said.claim
    return {
        "type": claim.type.value,
        "line": claim.line,
        "currency": claim.currency.code,
        "amount": _number(claim.amount),
        "with_tax": _number(claim.with_tax),
        "reason": said.reason,
        "zone": said.zone_name,
        "owners": {role.value: person for role, person in said.owners},
        "deadlines": _deadlines(said.deadlines),
        "pack": _pack(said.pack),
        "without_pack": said.without_pack,
        "api_key": said.api_key,
    }


def _pack(pack: PackRef | None) -> JsonValue:
    if pack is None:
        return None
    return {
        "sha256": pack.sha256,
        "manifest_sha256": pack.manifest_sha256,
        "bytes": _number(pack.bytes_count),
        "events": _number(pack.events),
    }


def _number(value: int) -> JsonNumber:
    return JsonNumber(str(value))


def _deadlines(each: Deadlines) -> JsonValue:
    return {"respond_by": _number(each.respond_by), "decide_by": _number(each.decide_by)}


def _isolation(each: Isolation) -> JsonValue:
    return {
        "reason": each.reason,
        "engineering": each.engineering,
        "ops": each.ops,
        "update_by": _number(each.update_by),
    }


def _said(said: Members) -> Said:
    act = Act(said["act"])
    match act:
        case Act.OPENED:
            return _opened_of(said)
        case Act.NOTED:
            return Noted(_text(said["text"]))
        case Act.MESSAGED:
            return Messaged(_text(said["text"]), _text(said["notice"]))
        case Act.ASSIGNED:
            return Assigned(Role(said["role"]), _text(said["to"]), _text(said["reason"]))
        case Act.REPRODUCED | Act.CONFLICTED:
            return _examined_of(said)
        case Act.ISOLATED:
            return Isolated(_isolation_of(said["isolation"]))
        case Act.RELEASED:
            return Released(_text(said["reason"]), _truth(said["defect"]), _text(said["agreed_by"]))
        case Act.REOPENED:
            return Reopened(_text(said["reason"]), _deadlines_of(said["deadlines"]))
        case _:
            return _decided_of(act, said)


def _opened_of(said: Members) -> Opened:
    line = _text_or_none(said["line"])
    owners: Members = said["owners"]
    return Opened(
        claim=Claim(
            DisputeType(said["type"]),
            None if line is None else LineId(line),
            currency(said["currency"]),
            _whole(said["amount"]),
            _whole(said["with_tax"]),
        ),
        reason=_text(said["reason"]),
        zone_name=_text(said["zone"]),
        owners=tuple((role, _text(owners[role.value])) for role in Role if role.value in owners),
        deadlines=_deadlines_of(said["deadlines"]),
        pack=_pack_of(said["pack"]),
        without_pack=_text_or_none(said["without_pack"]),
        api_key=_text_or_none(said["api_key"]),
    )


def _examined_of(said: Members) -> Examined:
    isolation = said["isolation"]
    return Examined(
        pack=_pack_of(said["pack"]),
        lines=tuple(
            TracedAmount(LineId(_text(each["line"])), _text_or_none(each["amount"]), _truth(each["matches"]))
            for each in said["lines"]
        ),
        findings=tuple(map(_text, said["findings"])),
        found=_whole(said["found"]),
        isolation=None if isolation is None else _isolation_of(isolation),
    )


def _decided_of(act: Act, said: Members) -> Decided:
    return Decided(
        outcome=cast("Outcome", act),
        reason=_text(said["reason"]),
        approved_by=_text_or_none(said["approved_by"]),
        credits=tuple(
            CreditGiven(
                LineId(_text(each["line"])),
                InvoiceId(_text(each["note"])),
                _whole(each["amount"]),
                _whole(each["with_tax"]),
            )
            for each in said["credits"]
        ),
        corrected=_truth(said["corrected"]),
    )


def _isolation_of(said: Members) -> Isolation:
    return Isolation(
        _text(said["reason"]),
        _text(said["engineering"]),
        _text(said["ops"]),
        Instant(_whole(said["update_by"])),
    )


def _pack_of(said: Members | None) -> PackRef | None:
    if said is None:
        return None
    digests = _text(said["sha256"]), _text(said["manifest_sha256"])
    return PackRef(*digests, _whole(said["bytes"]), _whole(said["events"]))


def _deadlines_of(said: Members) -> Deadlines:
    return Deadlines(Instant(_whole(said["respond_by"])), Instant(_whole(said["decide_by"])))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _text_or_none(value: object) -> str | None:
    return None if value is None else _text(value)


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} is no whole number")
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is neither true nor false")
    return value
