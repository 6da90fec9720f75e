"""When a stated difference may pass: finance, ops and engineering sign, with three keys, three people, and
none of them the proposer. No exception for small teams: a waiver lets a known difference through.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from tieout.contract.policy import EngineeringRole, PolicyRole, SignerRole
from tieout.contract.signature import (
    WAIVED_FORMAT,
    Signature,
    SigningKey,
    Verify,
    signed_bytes,
    signed_for_each,
    standing_key,
)
from tieout.kernel.ids import KeyId
from tieout.kernel.instant import Instant
from tieout.kernel.person import is_same_person

WAIVER_ROLES: Final[tuple[SignerRole, ...]] = (
    PolicyRole.FINANCE,
    PolicyRole.OPS,
    EngineeringRole.ENGINEERING,
)


@dataclass(frozen=True, slots=True)
class Waiver:
    """`digest` is that of the document, which names home, statement, numbers, reason and proposer."""

    digest: str
    proposer: str
    proposed_at: Instant


def waiver_bytes(waiver: Waiver, role: SignerRole, home_id: str) -> bytes:
    """What a signer of it signs."""
    return signed_bytes(
        home_id=home_id,
        document_digest=waiver.digest,
        predecessor_digest=None,
        role=role,
        effective_from=waiver.proposed_at,
        signed_format=WAIVED_FORMAT,
    )


def waiver_signatures(
    waiver: Waiver,
    signatures: Iterable[Signature],
    keys: Mapping[KeyId, SigningKey],
    *,
    home_id: str,
    verify: Verify,
) -> tuple[Signature, ...]:
    """Those over this waiver, in a role that may sign it, by a key that stood then, not by its proposer."""
    return tuple(
        signature
        for signature in signatures
        if signature.document_digest == waiver.digest
        and signature.role in WAIVER_ROLES
        and not is_same_person(signature.person, waiver.proposer)
        and (key := standing_key(signature, keys)) is not None
        and verify(key.public_key, waiver_bytes(waiver, signature.role, home_id), signature.signature)
    )


def complete(valid: Iterable[Signature], keys: Mapping[KeyId, SigningKey]) -> tuple[Signature, ...] | None:
    """Three of them, by role, with three keys and three people; None while there are none such."""
    return signed_for_each(valid, WAIVER_ROLES, keys)
