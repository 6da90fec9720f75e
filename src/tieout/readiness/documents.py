"""What is signed for readiness, as canonical JSON: a sign-off of an item, an expectation of a sample, and an
override. A signature is over the document's digest, in a format of its own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tieout.contract.policy import PolicyRole, SignerRole
from tieout.contract.signature import (
    READINESS_FORMAT,
    Signature,
    SigningKey,
    Verify,
    signed_bytes,
    standing_key,
)
from tieout.kernel.canonical import JsonValue, canonical_json
from tieout.kernel.digest import document_digest
from tieout.kernel.ids import HomeId, KeyId
from tieout.kernel.instant import Instant, format_instant
from tieout.kernel.person import is_same_person
from tieout.readiness.facts import Expectation
from tieout.readiness.item import Checked, Item, ItemKey, Problem, evidence_digest, evidence_of
from tieout.readiness.items import item_named


class ReadinessKind(StrEnum):
    """What a document says."""

    SIGN_OFF = "sign-off"
    SAMPLE = "sample"
    OVERRIDE = "override"


@dataclass(frozen=True, slots=True)
class ReadinessDocument:
    """`subject` is the item, or the account of a sample; `person` who recorded it (None of a sign-off:
    whoever signs). It counts for nothing until it is signed."""

    digest: str
    kind: ReadinessKind
    subject: str
    document: str
    person: str | None
    recorded_at: Instant

    @property
    def members(self) -> Mapping[str, object]:
        found: Mapping[str, object] = json.loads(self.document)
        return found


def sign_off_text(home_id: HomeId, item: Item, checked: Checked) -> str:
    """Equal evidence gives an equal document, so that all who sign an item off sign the same."""
    return canonical_json(
        {
            "format": "tieout/readiness-sign-off/1",
            "home": home_id,
            "item": item.key.value,
            "asks": item.asks,
            "evidence": [[each.name, each.value] for each in evidence_of(checked) if each.signed],
            "evidence_digest": evidence_digest(item.key, checked),
        }
    )


def sample_text(home_id: HomeId, expected: Expectation, amount: str) -> str:
    """`amount` as a decimal text in whole currency units. Dates are days in `zone`; the first form named
    neither it nor the instants of the period."""
    period, place = expected.period, expected.zone_name
    assert period is not None and place is not None, "what is recorded names a period"
    return canonical_json(
        {
            "format": "tieout/sample-expectation/2",
            "home": home_id,
            "account": expected.account,
            "from": expected.billed.start.isoformat(),
            "until": expected.billed.end.isoformat(),
            "zone": place,
            "starts_at": format_instant(period.start),
            "ends_at": format_instant(period.end),
            "paper": expected.billed.paper.value,
            "role": expected.role.value,
            "person": expected.person,
            "amount": amount,
            "currency": expected.currency,
            "date": expected.on.isoformat(),
            "recorded_at": format_instant(expected.at),
        }
    )


def override_text(
    home_id: HomeId,
    item: Item,
    problems: Sequence[Problem],
    *,
    person: str,
    reason: str,
    at: Instant,
    until: Instant,
) -> str:
    """It names every problem that it passes over: another one is not passed over by it."""
    said: list[JsonValue] = [each.what for each in problems]
    return canonical_json(
        {
            "format": "tieout/readiness-override/1",
            "home": home_id,
            "item": item.key.value,
            "problems": said,
            "reason": reason,
            "proposed_by": person,
            "proposed_at": format_instant(at),
            "until": format_instant(until),
        }
    )


def readiness_bytes(document: ReadinessDocument, role: SignerRole, home_id: HomeId) -> bytes:
    """What a signer of it signs."""
    return signed_bytes(
        home_id=home_id,
        document_digest=document.digest,
        predecessor_digest=None,
        role=role,
        effective_from=document.recorded_at,
        signed_format=READINESS_FORMAT,
    )


def standing_signatures(
    document: ReadinessDocument,
    signatures: Iterable[Signature],
    keys: Mapping[KeyId, SigningKey],
    *,
    home_id: HomeId,
    verify: Verify,
) -> tuple[Signature, ...]:
    """Those over this document by a key that stood when it signed, whatever the role may be worth here; none
    where the text is not the one that was signed."""
    if document_digest(document.document) != document.digest:
        return ()
    return tuple(
        each
        for each in signatures
        if each.document_digest == document.digest
        and (key := standing_key(each, keys)) is not None
        and verify(key.public_key, readiness_bytes(document, each.role, home_id), each.signature)
    )


def signed_for_another_role(
    document: ReadinessDocument,
    key: SigningKey,
    signatures: Iterable[Signature],
    keys: Mapping[KeyId, SigningKey],
) -> Signature | None:
    """The signature of this key's person, or by the same key, for another role. A document has one signature
    for each role, for ever: one that cannot count would block the role."""
    for each in signatures:
        if each.document_digest != document.digest or each.role is key.role:
            continue
        same_key = keys[each.key_id].public_key == key.public_key
        if is_same_person(each.person, key.person) or same_key:
            return each
    return None


def roles_that_sign(document: ReadinessDocument) -> tuple[SignerRole, ...]:
    """An item is signed off by its roles, an expectation is signed by its own, an override by the three."""
    match document.kind:
        case ReadinessKind.SIGN_OFF:
            return item_named(ItemKey(document.subject)).roles
        case ReadinessKind.SAMPLE:
            return (PolicyRole(str(document.members["role"])),)
        case ReadinessKind.OVERRIDE:
            return tuple(PolicyRole)
