"""The clock, unpredictable bytes, and signatures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tieout.kernel.instant import Instant


class Clock(Protocol):
    """Where the present comes from. Nothing below the flows may ask for it."""

    def now(self) -> Instant: ...


class Entropy(Protocol):
    """Where unpredictable bytes come from: identity keys, commit ids, home ids."""

    def token(self, bytes_count: int) -> bytes: ...


class Signer(Protocol):
    """Reads public keys and checks signatures. Private keys never come here: signing happens at a person's
    desk.
    """

    def public_key(self, file: Path) -> bytes:
        """The 32 bytes of an Ed25519 public key file; refuses anything else."""
        ...

    def verify(self, public_key: bytes, message: bytes, signature: bytes) -> bool: ...


@dataclass(frozen=True, slots=True)
class HealthFact:
    """One thing a store says about itself: whether it is as it should be, and what it is."""

    name: str
    ok: bool
    detail: str
