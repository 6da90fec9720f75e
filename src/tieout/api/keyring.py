"""The API keys as a server knows them: read again every half second, compared as SHA-256 digests.

A token that names no known key is compared as well, with a digest that nothing has, so that the time of an
answer does not tell which ids exist. Bytes throughout: a header may hold anything.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tieout.api.answers import Problem, unavailable
from tieout.api.limits import KEYS_AGE_SECONDS_MAX
from tieout.contract.api_key import ApiKey, SourceScope, key_id_in, token_digest

NOBODY = "unknown"
"""Under this key id requests are counted that came with no known key."""
_NO_DIGEST = bytes(32)
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="tieout"'}


@dataclass(frozen=True, slots=True)
class KnownKey:
    """An unrevoked key, with its scope made once."""

    key: ApiKey
    scope: SourceScope


class Keyring:
    """The keys of one home, as last read."""

    def __init__(self) -> None:
        self._known: dict[bytes, KnownKey] = {}
        self._read_at = float("-inf")

    def replace(self, keys: Iterable[ApiKey]) -> None:
        """Takes what the books hold now."""
        before = {entry.key: entry for entry in self._known.values()}
        self._known = {
            key.key_id.encode(): before.get(key) or KnownKey(key, key.scope)
            for key in keys
            if key.revoked_at is None
        }
        self._read_at = time.monotonic()

    def admitted(self, headers: Sequence[tuple[bytes, bytes]], roles: frozenset[str]) -> KnownKey:
        """The key of a request. Raises a `Problem`: 401 where there is none that is known, 403 where its role
        is not among `roles`, 503 while keys cannot be read.
        """
        if time.monotonic() - self._read_at > KEYS_AGE_SECONDS_MAX:
            raise unavailable("keys-unavailable", "The API keys cannot be read now.")
        given = [value for name, value in headers if name == b"authorization"]
        token = given[0][7:].strip() if len(given) == 1 and given[0][:7].lower() == b"bearer " else b""
        known = self._known.get(key_id_in(token))
        expected = _NO_DIGEST if known is None else known.key.secret_sha256
        matches = hmac.compare_digest(token_digest(token), expected)
        if known is None or not matches:
            raise Problem(401, "unauthorized", "Send Authorization: Bearer and a valid API key.", _CHALLENGE)
        if known.key.role not in roles:
            detail = f"A key of role {known.key.role.value} may not do this."
            raise Problem(403, "forbidden", detail, key_id=known.key.key_id)
        return known
