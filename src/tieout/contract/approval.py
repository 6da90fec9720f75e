"""A change to a meter takes effect with the signature of its owner: of the one whom the version before names.

The first version of a meter changes nothing that anybody was billed by, so it needs no signature; it says who
must sign the changes. Whoever owns the meter signs it away, too: the old owner signs a change of owner.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tieout.contract.meter import Meter
from tieout.contract.policy import OwnerRole
from tieout.contract.signature import (
    Signature,
    SigningKey,
    Verify,
    signed_bytes,
    standing_key,
)
from tieout.contract.versions import Versions
from tieout.kernel.ids import KeyId
from tieout.kernel.person import is_same_person


@dataclass(frozen=True, slots=True)
class MeterChange:
    """A version of a meter after its first. `owner` must sign it; `signature` is the one that does, if any.

    Once signed it is in force from its effective instant: until then nothing is sealed by it, so a late
    signature moves no amount.
    """

    meter: Meter
    before: Meter
    owner: str
    signature: Signature | None

    @property
    def name(self) -> str:
        return f"meter {self.meter.key} version {self.meter.version}"


def meter_changes(
    meters: Versions[Meter],
    signatures: Iterable[Signature],
    keys: Mapping[KeyId, SigningKey],
    *,
    home_id: str,
    verify: Verify,
) -> list[MeterChange]:
    """Every version that needs a signature, by meter and version, signed or not."""
    by_digest: dict[str, list[Signature]] = {}
    for signature in signatures:
        by_digest.setdefault(signature.document_digest, []).append(signature)
    found = []
    for key in meters.keys:
        versions = meters.versions(key)
        for place, meter in enumerate(versions[1:], start=1):
            earlier = versions[place - 1 :: -1]
            valid = _valid(earlier, meter, by_digest.get(meter.digest, ()), keys, home_id, verify)
            found.append(MeterChange(meter, earlier[0], earlier[0].owner, next(valid, None)))
    return found


def is_owners(key: SigningKey, owner: str) -> bool:
    """Whether the key is registered for that owner; names are the same apart from case and blanks."""
    return key.role is OwnerRole.OWNER and is_same_person(key.person, owner)


def approval_bytes(meter: Meter, *, before: Meter, home_id: str) -> bytes:
    """What the owner signs: this version, after that one, from its effective instant."""
    return signed_bytes(
        home_id=home_id,
        document_digest=meter.digest,
        predecessor_digest=before.digest,
        role=OwnerRole.OWNER,
        effective_from=meter.effective_from,
    )


def _valid(
    earlier: Sequence[Meter],
    meter: Meter,
    signatures: Iterable[Signature],
    keys: Mapping[KeyId, SigningKey],
    home_id: str,
    verify: Verify,
) -> Iterator[Signature]:
    """Signatures made for this version as the one after the version before it, or after an earlier one:
    a version that is inserted between them later does not undo what was signed."""
    for signature in signatures:
        key = standing_key(signature, keys)
        if key is None:
            continue
        for before in earlier:
            message = approval_bytes(meter, before=before, home_id=home_id)
            if is_owners(key, before.owner) and verify(key.public_key, message, signature.signature):
                yield signature
                break
