"""What people sign for readiness, as it is stored, with the signatures that count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from tieout.contract.policy import PolicyRole
from tieout.contract.signature import Signature, SigningKey
from tieout.flows.home import Home
from tieout.kernel.ids import CustomerId, KeyId
from tieout.kernel.instant import parse_instant
from tieout.kernel.period import Period
from tieout.kernel.person import is_same_person
from tieout.kernel.rational import exact
from tieout.readiness.documents import (
    ReadinessDocument,
    ReadinessKind,
    roles_that_sign,
    standing_signatures,
)
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


def papers_of(home: Home) -> Papers:
    keys = {key.key_id: key for key in home.books.signatures.signing_keys()}
    by_digest: dict[str, list[Signature]] = {}
    for signature in home.books.signatures.signatures():
        by_digest.setdefault(signature.document_digest, []).append(signature)
    verify = home.signer.verify
    found = []
    for document in home.books.readiness.documents():
        roles = roles_that_sign(document)
        valid = standing_signatures(
            document, by_digest.get(document.digest, ()), keys, home_id=home.home_id, verify=verify
        )
        found.append((document, tuple(each for each in valid if each.role in roles)))
    return Papers(tuple(found), keys)


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
