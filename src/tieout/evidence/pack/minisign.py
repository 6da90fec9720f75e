"""Public keys and signatures as minisign writes them, and public keys as OpenSSL does.

A signature (`ED`) is over the BLAKE2b-512 of the file; a second one is over the first and the trusted
comment.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from hashlib import blake2b, sha256
from typing import Final

KEY_ALGORITHM: Final = b"Ed"
PREHASHED: Final = b"ED"
KEY_NUMBER_BYTES: Final = 8
PEM_HEAD: Final = bytes.fromhex("302a300506032b6570032100")
"""SubjectPublicKeyInfo of an Ed25519 key, but for its 32 bytes (RFC 8410)."""
UNTRUSTED: Final = "untrusted comment: "
TRUSTED: Final = "trusted comment: "
OF_A_MANIFEST: Final = "signature of an evidence pack's manifest"

Sign = Callable[[bytes], bytes]
"""A message -> the key's 64 bytes over it."""


def key_number(public_key: bytes) -> bytes:
    """8 bytes that name a key."""
    return sha256(public_key).digest()[:KEY_NUMBER_BYTES]


def public_key_text(public_key: bytes) -> str:
    """The two lines of a minisign public key file."""
    number = key_number(public_key)
    shown = number[::-1].hex().upper()
    return f"{UNTRUSTED}minisign public key {shown}\n{_text(KEY_ALGORITHM + number + public_key)}\n"


def public_key_pem(public_key: bytes) -> str:
    return f"-----BEGIN PUBLIC KEY-----\n{_text(PEM_HEAD + public_key)}\n-----END PUBLIC KEY-----\n"


def signature_text(
    content: bytes, comment: str, *, about: str = OF_A_MANIFEST, public_key: bytes, sign: Sign
) -> str:
    """The four lines of a minisign signature file. `comment` is one line, and is signed too; `about` is
    not."""
    assert "\n" not in comment and "\r" not in comment, "a trusted comment is one line"
    signature = sign(blake2b(content).digest())
    whole = sign(signature + comment.encode())
    return (
        f"{UNTRUSTED}{about}\n"
        f"{_text(PREHASHED + key_number(public_key) + signature)}\n"
        f"{TRUSTED}{comment}\n{_text(whole)}\n"
    )


def _text(content: bytes) -> str:
    return b64encode(content).decode("ascii")
