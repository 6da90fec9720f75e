"""Who may use the HTTP interface: keys by role, and the sources that a sender's key may speak for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from tieout.kernel.errors import Refusal, shown
from tieout.kernel.ids import KeyId
from tieout.kernel.instant import Instant
from tieout.kernel.limits import SOURCE_LENGTH_MAX

NAME_LENGTH_MAX = 128
SOURCES_MAX = 100
ID_BYTES, SECRET_BYTES = 8, 32
PREFIX = b"tieout-"
_SOURCE = re.compile(r"[!-~]+\Z")


class KeyRole(StrEnum):
    """What a key is for; each route names the roles that may use it."""

    SOURCE = "source"
    PRODUCT = "product"
    FINANCE = "finance"
    OPS = "ops"
    ENGINEERING = "engineering"
    AUDITOR = "auditor"
    CUSTOMER = "customer"


class MalformedApiKey(Refusal):
    """A key that cannot be made as it was asked for."""

    code = "malformed-api-key"

    def __init__(self, why: str) -> None:
        super().__init__(f"No key was made: {why}.")


@dataclass(frozen=True, slots=True)
class SourceScope:
    """The sources that a key may send events of: exact names, and prefixes that end in `*`."""

    names: frozenset[str]
    prefixes: tuple[str, ...]

    def allows(self, source: str) -> bool:
        return source in self.names or source.startswith(self.prefixes)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is stored: never its secret, only the SHA-256 of the whole token. `sources` as given; of a
    key of role customer, the customer's key and nothing else.
    """

    key_id: KeyId
    name: str
    role: KeyRole
    secret_sha256: bytes
    sources: tuple[str, ...]
    created_at: Instant
    revoked_at: Instant | None

    def __post_init__(self) -> None:
        if not 0 < len(self.name) <= NAME_LENGTH_MAX or not self.name.isprintable():
            raise MalformedApiKey(f"a name has 1 to {NAME_LENGTH_MAX} printable characters")
        if self.role is KeyRole.CUSTOMER:
            if len(self.sources) > 1:
                raise MalformedApiKey("a key of role customer names the one customer that it is for")
        elif (self.role is KeyRole.SOURCE) != bool(self.sources):
            raise MalformedApiKey("a key of role source names its sources, and no other key does")
        if len(self.sources) > SOURCES_MAX:
            raise MalformedApiKey(f"{len(self.sources)} sources, {SOURCES_MAX} are allowed")
        for source in self.sources:
            if len(source) > SOURCE_LENGTH_MAX or not _SOURCE.match(source):
                raise MalformedApiKey(
                    f"the source {shown(source)} is not 1 to {SOURCE_LENGTH_MAX} visible ASCII characters"
                )

    @property
    def customer(self) -> str | None:
        """Whose data alone the key may see; None: it is no customer's key. A customer key from before keys
        named their customer is nobody's: the empty text, which no customer has."""
        if self.role is not KeyRole.CUSTOMER:
            return None
        return self.sources[0] if self.sources else ""

    @property
    def scope(self) -> SourceScope:
        if self.role is not KeyRole.SOURCE:
            return SourceScope(frozenset(), ())
        return SourceScope(
            frozenset(source for source in self.sources if not source.endswith("*")),
            tuple(source[:-1] for source in self.sources if source.endswith("*")),
        )


def token_of(key_id: KeyId, secret: bytes) -> bytes:
    """What the sender presents: the key's id, so that it is found, and its secret."""
    return PREFIX + key_id.encode() + b"-" + secret.hex().encode()


def key_id_in(token: bytes) -> bytes:
    """The id that a presented token names; empty where it has not the form of one."""
    parts = token.removeprefix(PREFIX).split(b"-")
    return parts[0] if token.startswith(PREFIX) and len(parts) == 2 else b""


def token_digest(token: bytes) -> bytes:
    return sha256(token).digest()
