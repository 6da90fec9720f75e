"""Digests: what an identity, a content and a set of events are compared by.

The content digest is keyed by the identity, so it says nothing to one who does not hold the event. The
fingerprint detects accidents cheaply in any engine; it is no proof against an attacker (the event root is).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b, sha256
from typing import Final

from tieout.kernel.canonical import token
from tieout.kernel.errors import Refusal, shown

IDENTITY_KEY_BYTES: Final = 16
LANE_MODULUS: Final = 2**64

_FINGERPRINT = re.compile(r"([0-9]{1,20}):([0-9a-f]{16}):([0-9a-f]{16})\Z", re.ASCII)


def identity_key(secret: bytes, source: str, id: str) -> bytes:
    """16 bytes that stand for (source, id), length-prefixed so that (`a-b`, `c`) and (`a`, `b-c`) differ.

    `secret` is the home's key, 1 to 64 bytes.
    """
    identity = token(source.encode()) + token(id.encode())
    return blake2b(identity, key=secret, digest_size=IDENTITY_KEY_BYTES).digest()


def content_digest(identity: bytes, canonical: bytes) -> bytes:
    """32 bytes: SHA-256 over the identity key, then the canonical form."""
    assert len(identity) == IDENTITY_KEY_BYTES, len(identity)
    return sha256(identity + canonical).digest()


def document_digest(canonical_text: str) -> str:
    """SHA-256, as hex, of a document's canonical JSON text."""
    return sha256(canonical_text.encode()).hexdigest()


class MalformedFingerprint(Refusal):
    """The text is no fingerprint."""

    code = "malformed-fingerprint"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f"{shown(self.text)} is not a fingerprint."


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A set of events: their count and the sums, modulo 2^64, of two 64-bit lanes of their content digests.

    Adding is commutative: order and grouping do not matter. Text: `count:hex16:hex16`.
    """

    count: int
    a: int
    b: int

    @classmethod
    def of(cls, digest: bytes) -> Fingerprint:
        """Of one event. Lanes are bytes 0 to 7 and 8 to 15 of its content digest, little-endian."""
        return cls(1, *lanes(digest))

    @classmethod
    def parse(cls, text: str) -> Fingerprint:
        """Reads `count:hex16:hex16`. Raises `MalformedFingerprint`."""
        match = _FINGERPRINT.match(text)
        if match is None:
            raise MalformedFingerprint(text)
        return cls(int(match.group(1)), int(match.group(2), 16), int(match.group(3), 16))

    def __add__(self, other: Fingerprint) -> Fingerprint:
        return Fingerprint(
            self.count + other.count, (self.a + other.a) % LANE_MODULUS, (self.b + other.b) % LANE_MODULUS
        )

    def __str__(self) -> str:
        return f"{self.count}:{self.a:016x}:{self.b:016x}"


def lanes(digest: bytes) -> tuple[int, int]:
    """The two unsigned 64-bit lanes of a content digest."""
    return int.from_bytes(digest[0:8], "little"), int.from_bytes(digest[8:16], "little")
