"""Which signatures approve a version of a meter: the owner's, by a key that stood, over that very version."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from tests.unit.contract.sample import sample_catalog
from tieout.contract.approval import MeterChange, approval_bytes, meter_changes
from tieout.contract.meter import Meter
from tieout.contract.policy import OwnerRole, PolicyRole, SignerRole
from tieout.contract.signature import Signature, SigningKey, signed_bytes
from tieout.contract.versions import Versions
from tieout.kernel.ids import KeyId
from tieout.kernel.instant import Instant

HOME = "home-1"
FIRST = next(iter(sample_catalog().meters))
SECOND = replace(
    FIRST, version=2, effective_from=Instant(FIRST.effective_from + 1), owner="Bo", digest="b" * 64
)
OWNER = FIRST.owner


def key(person: str, role: SignerRole = OwnerRole.OWNER, revoked_at: int | None = None) -> SigningKey:
    revoked = None if revoked_at is None else Instant(revoked_at)
    return SigningKey(KeyId(f"{role}-{person}"), role, person, person.encode(), Instant(10), revoked)


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    return signature == sha256(public_key + message).digest()


def sign(by: SigningKey, *, at: int = 20, home: str = HOME, over: Meter = SECOND) -> Signature:
    message = approval_bytes(over, before=FIRST, home_id=home)
    return Signature(
        by.role, by.key_id, by.person, over.digest, sha256(by.public_key + message).digest(), Instant(at)
    )


def change(keys: list[SigningKey], *signatures: Signature) -> MeterChange:
    by_id = {each.key_id: each for each in keys}
    (found,) = meter_changes(Versions((FIRST, SECOND)), signatures, by_id, home_id=HOME, verify=verify)
    return found


def approved(keys: list[SigningKey], *signatures: Signature) -> bool:
    return change(keys, *signatures).signature is not None


def test_the_owner_of_the_version_before_approves() -> None:
    assert change([]).owner == OWNER
    assert approved([key(OWNER)], sign(key(OWNER)))
    assert approved([key(OWNER.upper())], sign(key(OWNER.upper()))), "case makes no other name"
    assert not approved([key(OWNER)])


def test_nobody_else_approves_and_no_key_that_did_not_stand() -> None:
    assert not approved([key("Bo")], sign(key("Bo"))), "the new owner does not take it over"
    assert not approved([], sign(key(OWNER)))
    assert not approved([key(OWNER)], sign(key(OWNER), at=9)), "signed before the key was registered"
    assert not approved([key(OWNER, revoked_at=20)], sign(key(OWNER)))
    assert approved([key(OWNER, revoked_at=21)], sign(key(OWNER))), "revoking does not reach back"
    role = PolicyRole.OPS
    assert not approved([key(OWNER, role)], sign(key(OWNER, role)))


def test_a_signature_is_over_this_version_in_this_home_and_no_policy() -> None:
    owner = key(OWNER)
    assert not approved([owner], sign(owner, home="home-2"))
    other = replace(SECOND, digest="c" * 64)
    assert not approved([owner], replace(sign(owner, over=other), document_digest=SECOND.digest))
    later = replace(SECOND, effective_from=Instant(SECOND.effective_from + 1))
    assert not approved([owner], sign(owner, over=later)), "from another instant on"
    as_owner, as_ops = (
        signed_bytes(
            home_id=HOME,
            document_digest=SECOND.digest,
            predecessor_digest=FIRST.digest,
            role=role,
            effective_from=SECOND.effective_from,
        )
        for role in (OwnerRole.OWNER, PolicyRole.OPS)
    )
    assert as_owner != as_ops


def test_a_first_version_needs_no_signature() -> None:
    assert meter_changes(Versions((FIRST,)), (), {}, home_id=HOME, verify=verify) == []
