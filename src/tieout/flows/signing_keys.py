"""Keys of people: registered, rotated and revoked, each on record, and the history of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tieout.contract.signature import SigningKey
from tieout.contract.signing_file import key_id_of
from tieout.flows.home import Home
from tieout.kernel.errors import NotFound
from tieout.kernel.ids import KeyId
from tieout.kernel.person import same_person


class NoSuchKey(NotFound):
    """There is no registered key of that id that may still sign."""

    code = "no-such-key"

    def __init__(self, key_id: str) -> None:
        super().__init__(f"No unrevoked key {key_id} is registered; `tieout policy keys` lists all.")


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key, how many documents it signed, and the key that took its place in the act that revoked it."""

    key: SigningKey
    signed: int
    replaced_by: KeyId | None


def key_history(home: Home) -> list[KeyRecord]:
    """Every key that was ever registered, in that order."""
    keys = home.books.signatures.signing_keys()
    signed: dict[KeyId, int] = {}
    for signature in home.books.signatures.signatures():
        signed[signature.key_id] = signed.get(signature.key_id, 0) + 1
    return [KeyRecord(key, signed.get(key.key_id, 0), _successor(key, keys)) for key in keys]


def rotate_key(home: Home, key_id: KeyId, public_key_file: Path) -> SigningKey:
    """In one act the old key signs no more and the new one does, for the same person and role. What the old
    one has signed stays signed.

    Raises `NoSuchKey`, a key file's refusal, or that the new key is registered already; then nothing changes.
    """
    old = next((key for key in home.books.signatures.signing_keys() if key.key_id == key_id), None)
    if old is None or old.revoked_at is not None:
        raise NoSuchKey(key_id)
    public_key = home.signer.public_key(public_key_file)
    new = SigningKey(key_id_of(public_key), old.role, old.person, public_key, home.clock.now(), None)
    home.books.signatures.rotate_key(key_id, new)
    return new


def _successor(key: SigningKey, keys: tuple[SigningKey, ...]) -> KeyId | None:
    """Revoked and registered at the same instant, for one role of one person: that is a rotation."""
    return next(
        (
            other.key_id
            for other in keys
            if key.revoked_at is not None
            and other.key_id != key.key_id
            and other.registered_at == key.revoked_at
            and (other.role, same_person(other.person)) == (key.role, same_person(key.person))
        ),
        None,
    )
