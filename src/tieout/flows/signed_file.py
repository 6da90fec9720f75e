"""A signature that came back from somebody's desk: read, held against home and keys, and verified."""

from __future__ import annotations

from pathlib import Path

from tieout.contract.signature import Signature, SigningKey, signed_bytes
from tieout.contract.signing_file import SignatureFile, parse_signature
from tieout.flows.home import Home
from tieout.kernel.errors import Refusal, Unavailable
from tieout.kernel.instant import Instant, format_instant
from tieout.kernel.person import is_same_person

SIGNATURE_FILE_BYTES_MAX = 65_536


class SignatureRefused(Refusal):
    """A signature file that does not sign what it says it signs, or may not."""

    code = "signature-refused"

    def __init__(self, file: Path, why: str, *, made_with: bool = False) -> None:
        """`made_with`: the file is the private key by which it was made on the spot."""
        self.why = why
        super().__init__(f"The signature {'by the key in' if made_with else 'in'} {file} is refused: {why}.")


class SignatureBeforeKey(Unavailable):
    """A key signs from when it was registered: what is recorded before that counts for nothing."""

    code = "signature-before-key"

    def __init__(self, file: Path, key: SigningKey, now: Instant) -> None:
        self.key, self.now = key, now
        at, here = format_instant(key.registered_at), format_instant(now)
        super().__init__(
            f"The signature in {file} was not recorded: its key {key.key_id} was registered at {at}, and it "
            f"is {here} here: the clock went back. Set the clock, or record it again after that."
        )


def read_signature(home: Home, file: Path) -> SignatureFile:
    """Raises `SignatureRefused`, also where it is for another home, or `MalformedSigningFile`."""
    try:
        text = file.read_bytes()[:SIGNATURE_FILE_BYTES_MAX].decode("utf-8", errors="replace")
    except OSError as error:
        raise SignatureRefused(file, f"it cannot be read ({error.strerror})") from error
    signed = parse_signature(text)
    if signed.home_id != home.home_id:
        raise SignatureRefused(file, f"it is for the home {signed.home_id}, this is {home.home_id}")
    return signed


def key_behind(home: Home, file: Path, signed: SignatureFile) -> SigningKey:
    """The registered, unrevoked key of that role and person. Raises `SignatureRefused`."""
    key = next((key for key in home.books.signatures.signing_keys() if key.key_id == signed.key_id), None)
    if key is None or key.revoked_at is not None:
        raise SignatureRefused(file, f"its key {signed.key_id} is not registered, or revoked")
    if key.role is not signed.role or not is_same_person(key.person, signed.person):
        raise SignatureRefused(
            file,
            f"its key is registered for {key.role} and {key.person}, not {signed.role} and {signed.person}",
        )
    return key


def verified(
    home: Home,
    file: Path,
    signed: SignatureFile,
    key: SigningKey,
    *,
    predecessor_digest: str | None,
    effective_from: Instant,
    signed_format: bytes | None = None,
) -> Signature:
    """The signature as it is recorded now, if it is over that document. Raises `SignatureRefused` or
    `SignatureBeforeKey`."""
    now = home.clock.now()
    if now < key.registered_at:
        raise SignatureBeforeKey(file, key, now)
    message = signed_bytes(
        home_id=home.home_id,
        document_digest=signed.document_digest,
        predecessor_digest=predecessor_digest,
        role=signed.role,
        effective_from=effective_from,
        signed_format=signed_format,
    )
    if not home.signer.verify(key.public_key, message, signed.signature):
        raise SignatureRefused(file, "it does not verify: the document, the key or the bytes are others")
    return Signature(signed.role, key.key_id, key.person, signed.document_digest, signed.signature, now)
