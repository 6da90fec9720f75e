"""What people sign for readiness, read back from the documents that they signed: sign-offs, expectations and
overrides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from tieout.contract.policy import PolicyRole
from tieout.contract.signature import Signature, SigningKey
from tieout.kernel.ids import CustomerId, KeyId
from tieout.kernel.instant import parse_instant
from tieout.kernel.period import Period
from tieout.kernel.person import is_same_person
from tieout.kernel.rational import exact
from tieout.readiness.documents import ReadinessDocument, ReadinessKind
from tieout.readiness.facts import Billed, Expectation, Paper
from tieout.readiness.override import Override
from tieout.readiness.standing import SignOff


@dataclass(frozen=True, slots=True)
class Papers:
    """Every document, its valid signatures, and every key that was ever registered."""

    documents: tuple[tuple[ReadinessDocument, tuple[Signature, ...]], ...]
    keys: dict[KeyId, SigningKey]

    def of(self, kind: ReadinessKind) -> Iterator[tuple[ReadinessDocument, tuple[Signature, ...]]]:
        return ((each, signed) for each, signed in self.documents if each.kind is kind)


def sign_offs(papers: Papers) -> tuple[SignOff, ...]:
    return tuple(
        SignOff(each.subject, str(each.members["evidence_digest"]), signed)
        for each, signed in papers.of(ReadinessKind.SIGN_OFF)
    )


def overrides(papers: Papers) -> tuple[Override, ...]:
    return tuple(_override(each, signed) for each, signed in papers.of(ReadinessKind.OVERRIDE))


def expectations(papers: Papers) -> tuple[Expectation, ...]:
    """Of each account, paper and role the last one that was signed by whom it names."""
    latest: dict[tuple[CustomerId, Billed, PolicyRole], Expectation] = {}
    found = [
        replace(expectation_of(document), at=signature.signed_at)
        for document, signed in papers.of(ReadinessKind.SAMPLE)
        for signature in signed
        if is_same_person(signature.person, str(document.members["person"]))
    ]
    for each in sorted(found, key=lambda each: (each.at, each.digest)):
        key = (each.account, each.billed, each.role)
        before = latest.get(key)
        latest[key] = each if before is None else replace(each, revisions=before.revisions + 1)
    return tuple(latest[key] for key in sorted(latest, key=_order))


def expectation_of(document: ReadinessDocument) -> Expectation:
    """As it was recorded, signed or not."""
    members = {name: str(value) for name, value in document.members.items()}
    period = None
    if "starts_at" in members:
        period = Period(parse_instant(members["starts_at"]), parse_instant(members["ends_at"]))
    return Expectation(
        account=CustomerId(members["account"]),
        billed=Billed(
            date.fromisoformat(members["from"]),
            date.fromisoformat(members["until"]),
            Paper(members["paper"]),
        ),
        role=PolicyRole(members["role"]),
        person=members["person"],
        amount=exact(members["amount"]),
        currency=members["currency"],
        on=date.fromisoformat(members["date"]),
        at=document.recorded_at,
        digest=document.digest,
        period=period,
        zone_name=members.get("zone"),
    )


def _order(key: tuple[CustomerId, Billed, PolicyRole]) -> tuple[str, date, date, str, int]:
    account, billed, role = key
    return account, billed.start, billed.end, billed.paper.value, list(PolicyRole).index(role)


def _override(document: ReadinessDocument, signed: Sequence[Signature]) -> Override:
    members = document.members
    problems = members["problems"]
    assert isinstance(problems, list), "override_text wrote it"
    return Override(
        digest=document.digest,
        item=document.subject,
        problems=tuple(str(each) for each in problems),
        reason=str(members["reason"]),
        proposer=str(members["proposed_by"]),
        proposed_at=parse_instant(str(members["proposed_at"])),
        until=parse_instant(str(members["until"])),
        signatures=tuple(signed),
    )
