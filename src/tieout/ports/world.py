"""The clock, unpredictable bytes, and signatures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tieout.contract.policy import SignerRole
from tieout.kernel.errors import NotFound
from tieout.kernel.instant import Instant


class Clock(Protocol):
    """Where the present comes from. Nothing below the flows may ask for it."""

    def now(self) -> Instant: ...


@dataclass(frozen=True, slots=True)
class ClockReading:
    """Where a test clock stands, where it began, and the day of the month from which months clamp."""

    now: Instant
    began: Instant
    anchor_day: int


class TestClock(Protocol):
    """The clock of a home that was made with one: it stands still until somebody steps it on."""

    def now(self) -> Instant: ...

    def reading(self) -> ClockReading: ...

    def step(self, before: ClockReading, *, to: Instant, anchor_day: int) -> None:
        """For every process that has the home open, from their next look at it. Refuses to go back, and where
        it does not stand at `before` any more."""
        ...


class SettableClock(Clock, Protocol):
    """One that stands still until it is set."""

    def set_to(self, instant: Instant) -> None: ...


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


class RehearsalDesk(Protocol):
    """Signs in a scratch home with keys of nobody: what is signed so counts there and nowhere else."""

    def public_key(self, name: str) -> Path:
        """The public key file of this name; the same name has the same key in every scratch home."""
        ...

    def sign(self, request: Path, *, name: str, role: SignerRole, person: str | None) -> Path:
        """The signature file over a signing request, by the key of this name."""
        ...


class NoEvidenceKey(NotFound):
    """The installation has no key yet."""

    code = "no-evidence-key"

    def __init__(self, file: Path) -> None:
        super().__init__(f"There is no key in {file}; `tieout evidence key --create` makes one, once.")


class InstallationKey(Protocol):
    """The key with which the installation signs evidence. It says "this home stated this", not "people
    approved this"."""

    @property
    def place(self) -> str:
        """Where the key lies, for a message."""
        ...

    def create(self) -> bytes:
        """Makes the key, once, and gives its public half; refuses where there is one."""
        ...

    def public_key(self) -> bytes:
        """32 bytes. Raises `NoEvidenceKey`, or what the key is refused for."""
        ...

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        ...


class KeptPacks(Protocol):
    """Evidence packs that something on record refers to, by their digest: kept for ever, never changed."""

    def keep(self, content: bytes) -> str:
        """The SHA-256 under which it is kept, durably; what is there already stays."""
        ...

    def read(self, sha256: str) -> bytes | None:
        """As it lies there, whether or not it still has that digest; None: it is gone."""
        ...

    def place(self, sha256: str) -> str:
        """Where it lies, for a message."""
        ...


@dataclass(frozen=True, slots=True)
class HealthFact:
    """One thing a store says about itself: whether it is as it should be, and what it is."""

    name: str
    ok: bool
    detail: str
