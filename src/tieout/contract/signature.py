"""When a policy is in force: three roles, three keys, three people, none of them the proposer.

Revoking a key does not reach back: what it signed before stays signed, so closed periods stay under their
policy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from tieout.contract.policy import OwnerRole, Policy, PolicyRole, SignerRole
from tieout.kernel.canonical import token
from tieout.kernel.ids import KeyId
from tieout.kernel.instant import Instant, format_instant
from tieout.kernel.person import same_person

SIGNED_FORMAT = b"tieout/policy-signature/1"
APPROVED_FORMAT = b"tieout/meter-approval/1"
PRICED_FORMAT = b"tieout/price-approval/1"
WAIVED_FORMAT = b"tieout/waiver-signature/1"
READINESS_FORMAT = b"tieout/readiness-signature/1"

Verify = Callable[[bytes, bytes, bytes], bool]
"""(public key, message, signature) -> whether the signature is that key's over that message."""


@dataclass(frozen=True, slots=True)
class Signature:
    """`signed_at` is when the home recorded it: a signer's own clock is nobody's proof."""

    role: SignerRole
    key_id: KeyId
    person: str
    document_digest: str
    signature: bytes
    signed_at: Instant


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A registered public key: one person's, for one role, valid in `[registered_at, revoked_at)`.

    Of an owner, the person is the name by which meters call their owner.
    """

    key_id: KeyId
    role: SignerRole
    person: str
    public_key: bytes
    registered_at: Instant
    revoked_at: Instant | None


def signed_bytes(
    *,
    home_id: str,
    document_digest: str,
    predecessor_digest: str | None,
    role: SignerRole,
    effective_from: Instant,
    signed_format: bytes | None = None,
) -> bytes:
    """What a signer signs: format, home, document, predecessor ("" for none), role and effective instant, as
    tokens. The format is another for each kind of document; None: a meter's for owners, else a policy's."""
    told = APPROVED_FORMAT if isinstance(role, OwnerRole) else SIGNED_FORMAT
    parts = (home_id, document_digest, predecessor_digest or "", role.value, format_instant(effective_from))
    return token(signed_format or told) + b"".join(token(part.encode("utf-8")) for part in parts)


def valid_signatures(
    policy: Policy,
    signatures: Iterable[Signature],
    keys: Mapping[KeyId, SigningKey],
    *,
    home_id: str,
    verify: Verify,
) -> tuple[Signature, ...]:
    """Those over this policy by a key that was registered for that role and person and not revoked when it
    signed."""
    return tuple(
        signature
        for signature in signatures
        if signature.document_digest == policy.digest
        and isinstance(signature.role, PolicyRole)
        and (key := standing_key(signature, keys)) is not None
        and verify(key.public_key, _message(policy, signature.role, home_id), signature.signature)
    )


def standing_key(signature: Signature, keys: Mapping[KeyId, SigningKey]) -> SigningKey | None:
    """The key it names, if that was registered for its role and person and not revoked when it signed."""
    key = keys.get(signature.key_id)
    if key is None or (key.role, key.person) != (signature.role, signature.person):
        return None
    if signature.signed_at < key.registered_at:
        return None
    return key if key.revoked_at is None or signature.signed_at < key.revoked_at else None


def signed_for_each(
    signatures: Iterable[Signature], roles: Sequence[SignerRole], keys: Mapping[KeyId, SigningKey]
) -> tuple[Signature, ...] | None:
    """One of the signatures for each role, with as many keys and as many people; None where there are none
    such. Of several the first."""
    found = list(signatures)
    by_role = [[each for each in found if each.role is role] for role in roles]
    for chosen in product(*by_role):
        people = {same_person(each.person) for each in chosen}
        held = {keys[each.key_id].public_key for each in chosen}
        if len(people) == len(held) == len(roles):
            return chosen
    return None


def in_force(
    policy: Policy,
    signatures: Iterable[Signature],
    keys: Mapping[KeyId, SigningKey],
    *,
    home_id: str,
    verify: Verify,
) -> Instant | None:
    """Since when the policy is in force: the later of its effective instant and the last signature it needed.

    None while no three valid signatures satisfy the rule. Of several sets that do, the first complete one
    counts.
    """
    valid = valid_signatures(policy, signatures, keys, home_id=home_id, verify=verify)
    by_role = [[signature for signature in valid if signature.role is role] for role in PolicyRole]
    complete = [
        max(signature.signed_at for signature in trio)
        for trio in product(*by_role)
        if _suffices(policy, trio, keys)
    ]
    return max(policy.effective_from, min(complete)) if complete else None


def missing_roles(policy: Policy, valid: Iterable[Signature]) -> tuple[PolicyRole, ...]:
    """Roles without a valid signature by somebody who may sign this policy."""
    signed: set[SignerRole] = {signature.role for signature in valid if _may_sign(policy, signature)}
    return tuple(role for role in PolicyRole if role not in signed)


def _suffices(policy: Policy, trio: tuple[Signature, ...], keys: Mapping[KeyId, SigningKey]) -> bool:
    """Three different keys always; three different people, none the proposer, unless an exception is
    stated."""
    public_keys = {keys[signature.key_id].public_key for signature in trio}
    people = {same_person(signature.person) for signature in trio}
    if len(public_keys) < len(PolicyRole):
        return False
    if policy.small_team_exception is not None:
        return True
    return len(people) == len(PolicyRole) and all(_may_sign(policy, signature) for signature in trio)


def _may_sign(policy: Policy, signature: Signature) -> bool:
    proposer = same_person(policy.proposer)
    return policy.small_team_exception is not None or same_person(signature.person) != proposer


def _message(policy: Policy, role: SignerRole, home_id: str) -> bytes:
    return signed_bytes(
        home_id=home_id,
        document_digest=policy.digest,
        predecessor_digest=policy.predecessor_digest,
        role=role,
        effective_from=policy.effective_from,
    )
