"""The two files that travel between a home and a signer's desk: the request to sign, and the signature.

The request carries the whole document, so that a signer reads what is signed; its digest is checked on both
sides.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from tieout.contract.policy import SignerRole, signer_role
from tieout.kernel.digest import document_digest
from tieout.kernel.errors import Refusal
from tieout.kernel.ids import KeyId
from tieout.kernel.instant import Instant, MalformedInstant, format_instant, parse_instant

REQUEST_FORMAT = "tieout/signing-request/1"
SIGNATURE_FORMAT = "tieout/signature-file/1"
KEY_ID_HEX_DIGITS = 16

SignedKind = Literal["policy", "meter", "price", "waiver", "readiness"]
NAMED_KINDS: tuple[SignedKind, ...] = ("meter", "price", "waiver", "readiness")


class MalformedSigningFile(Refusal):
    """The file is not a signing request or signature of ours."""

    code = "malformed-signing-file"

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"This is not a {what}: {why}.")


@dataclass(frozen=True, slots=True)
class SigningRequest:
    """What is asked of a signer. `document` is the canonical JSON text of a policy, of a price, of a waiver,
    of what is said for readiness, or of a meter; then `owner` is who must sign.
    """

    home_id: str
    key: str
    version: int
    document: str
    document_digest: str
    predecessor_digest: str | None
    effective_from: Instant
    kind: SignedKind = "policy"
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class SignatureFile:
    """What comes back: `signature` is 64 bytes over `contract.signature.signed_bytes`."""

    home_id: str
    document_digest: str
    role: SignerRole
    person: str
    key_id: KeyId
    signature: bytes


def key_id_of(public_key: bytes) -> KeyId:
    """The first 16 hex digits of the SHA-256 of the 32 public bytes."""
    return KeyId(sha256(public_key).hexdigest()[:KEY_ID_HEX_DIGITS])


def request_text(request: SigningRequest) -> str:
    return _text(
        {
            "format": REQUEST_FORMAT,
            "home": request.home_id,
            request.kind: request.key,
            **({} if request.owner is None else {"owner": request.owner}),
            "version": request.version,
            "document": request.document,
            "document_digest": request.document_digest,
            "predecessor_digest": request.predecessor_digest,
            "effective_from": format_instant(request.effective_from),
        }
    )


def parse_request(text: str) -> SigningRequest:
    """Raises `MalformedSigningFile`, also where the document does not have the digest to be signed."""
    members = _members(text, "signing request", REQUEST_FORMAT)
    what = "signing request"
    predecessor = members.get("predecessor_digest")
    version = members.get("version")
    if not isinstance(version, int) or not (predecessor is None or isinstance(predecessor, str)):
        raise MalformedSigningFile(what, "version or predecessor_digest is of the wrong type")
    try:
        effective_from = parse_instant(_string(members, "effective_from", what))
    except MalformedInstant as error:
        raise MalformedSigningFile(what, str(error)) from error
    kind: SignedKind = next((each for each in NAMED_KINDS if each in members), "policy")
    request = SigningRequest(
        home_id=_string(members, "home", what),
        key=_string(members, kind, what),
        version=version,
        document=_string(members, "document", what),
        document_digest=_string(members, "document_digest", what),
        predecessor_digest=predecessor,
        effective_from=effective_from,
        kind=kind,
        owner=_string(members, "owner", what) if kind == "meter" else None,
    )
    if document_digest(request.document) != request.document_digest:
        raise MalformedSigningFile(what, "the document does not have the digest that is to be signed")
    return request


def signature_text(file: SignatureFile) -> str:
    return _text(
        {
            "format": SIGNATURE_FORMAT,
            "home": file.home_id,
            "document_digest": file.document_digest,
            "role": file.role.value,
            "person": file.person,
            "key_id": file.key_id,
            "signature": file.signature.hex(),
        }
    )


def parse_signature(text: str) -> SignatureFile:
    """Raises `MalformedSigningFile`. Whether the signature verifies is for the home to say."""
    what = "signature file"
    members = _members(text, what, SIGNATURE_FORMAT)
    try:
        role = signer_role(_string(members, "role", what))
    except ValueError as error:
        raise MalformedSigningFile(
            what, "role must be product, finance, ops, engineering or owner"
        ) from error
    try:
        signature = bytes.fromhex(_string(members, "signature", what))
    except ValueError as error:
        raise MalformedSigningFile(what, "the signature is not hexadecimal") from error
    return SignatureFile(
        home_id=_string(members, "home", what),
        document_digest=_string(members, "document_digest", what),
        role=role,
        person=_string(members, "person", what),
        key_id=KeyId(_string(members, "key_id", what)),
        signature=signature,
    )


def _text(members: Mapping[str, str | int | None]) -> str:
    return json.dumps(members, ensure_ascii=False, indent=2) + "\n"


def _members(text: str, what: str, expected: str) -> Mapping[str, object]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedSigningFile(what, "it is not JSON") from error
    if not isinstance(found, dict) or found.get("format") != expected:
        raise MalformedSigningFile(what, f'its "format" is not {expected}')
    return found


def _string(members: Mapping[str, object], name: str, what: str) -> str:
    value = members.get(name)
    if not isinstance(value, str):
        raise MalformedSigningFile(what, f"{name} is missing or not a text")
    return value
