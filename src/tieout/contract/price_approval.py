"""A price version is approved where product or finance has signed it: the digest of the whole document, after
that of the version before it, from its effective instant.

Whether a seal needs it is for the signed policy to say (`requires = ["signed_prices"]`): then the first
version needs a signature too, since it decides amounts as much as any later one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tieout.contract.policy import PolicyRole, SignerRole
from tieout.contract.price import Price
from tieout.contract.signature import PRICED_FORMAT, Signature, SigningKey, Verify, signed_bytes, standing_key
from tieout.contract.versions import Versions
from tieout.kernel.ids import KeyId

MAY_SIGN = (PolicyRole.PRODUCT, PolicyRole.FINANCE)


@dataclass(frozen=True, slots=True)
class PriceVersion:
    """A version of a price, the one before it, and the valid signatures over it, the earliest first."""

    price: Price
    before: Price | None
    signatures: tuple[Signature, ...]

    @property
    def name(self) -> str:
        return f"price {self.price.key} v{self.price.version}"


def price_versions(
    prices: Versions[Price],
    signatures: Iterable[Signature],
    keys: Mapping[KeyId, SigningKey],
    *,
    home_id: str,
    verify: Verify,
) -> list[PriceVersion]:
    """Every version, by key and version, signed or not."""
    by_digest: dict[str, list[Signature]] = {}
    for signature in signatures:
        by_digest.setdefault(signature.document_digest, []).append(signature)
    found: list[PriceVersion] = []
    for key in prices.keys:
        before: Price | None = None
        for price in prices.versions(key):
            valid = tuple(
                signature
                for signature in by_digest.get(price.digest, ())
                if signature.role in MAY_SIGN
                and (signer := standing_key(signature, keys)) is not None
                and verify(
                    signer.public_key,
                    price_bytes(price, before=before, role=signature.role, home_id=home_id),
                    signature.signature,
                )
            )
            found.append(PriceVersion(price, before, valid))
            before = price
    return found


def price_bytes(price: Price, *, before: Price | None, role: SignerRole, home_id: str) -> bytes:
    """What product or finance signs of a price version."""
    return signed_bytes(
        home_id=home_id,
        document_digest=price.digest,
        predecessor_digest=None if before is None else before.digest,
        role=role,
        effective_from=price.effective_from,
        signed_format=PRICED_FORMAT,
    )
