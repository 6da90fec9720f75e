"""What scratch homes have in place of the world: keys of nobody to sign with, no key of the installation, and
a post that carries nothing. What happens in one is true nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from tieout.contract.notice_target import NoticeTarget
from tieout.contract.policy import SignerRole
from tieout.contract.signing_file import parse_request
from tieout.gateways.signing import foretold_key
from tieout.gateways.signing_desk import sign_request
from tieout.kernel.instant import Instant
from tieout.notice.attempt import Outcome, Sent
from tieout.notice.message import Letter
from tieout.ports.world import NoEvidenceKey

SEED_PREFIX = b"tieout/rehearsal-key/1\0"


class FileRehearsalDesk:
    """The port `RehearsalDesk`, with its files in a folder of the scratch home."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def public_key(self, name: str) -> Path:
        return self._pair(name)[1]

    def sign(self, request: Path, *, name: str, role: SignerRole, person: str | None) -> Path:
        private, _ = self._pair(name)
        out = request.with_suffix(f".{private.stem}.signature")
        is_price = parse_request(request.read_text(encoding="utf-8")).kind == "price"
        sign_request(request, private_key=private, role=role, person=person, out=out, as_price=is_price)
        return out

    def _pair(self, name: str) -> tuple[Path, Path]:
        self._folder.mkdir(parents=True, exist_ok=True)
        seed = sha256(SEED_PREFIX + name.encode()).digest()
        private, public = (self._folder / f"{seed.hex()[:16]}.{half}" for half in ("key", "pub"))
        if not private.exists():
            foretold_key(private, public, seed=seed)
        return private, public


@dataclass(frozen=True, slots=True)
class NoInstallationKey:
    """The port `InstallationKey` of a home that states nothing, whatever TIEOUT_EVIDENCE_KEY names: it may
    bear the identity of a home whose word that key is."""

    folder: Path

    @property
    def place(self) -> str:
        return f"{self.folder} (a scratch home has no key)"

    def create(self) -> bytes:
        raise NoEvidenceKey(self.folder)

    def public_key(self) -> bytes:
        raise NoEvidenceKey(self.folder)

    def sign(self, message: bytes) -> bytes:  # noqa: ARG002 - the port's
        raise NoEvidenceKey(self.folder)


class NoPost:
    """The port `Post` of a home that tells nobody anything."""

    def send(self, letter: Letter, target: NoticeTarget, *, now: Instant) -> Sent:  # noqa: ARG002 - the port's
        return Sent(Outcome.FAILED, None, "a scratch home sends nothing")
