"""Keys of the HTTP interface: made, listed, revoked. The token is shown once and never stored."""

from __future__ import annotations

from collections.abc import Sequence

from tieout.contract.api_key import (
    ID_BYTES,
    SECRET_BYTES,
    ApiKey,
    KeyRole,
    MalformedApiKey,
    token_digest,
    token_of,
)
from tieout.flows.apply_catalog import NoSuchCustomer, load_catalog
from tieout.flows.home import Home
from tieout.kernel.errors import shown
from tieout.kernel.ids import KeyId


def create_api_key(
    home: Home, *, name: str, role: str, sources: Sequence[str], customer: str | None = None
) -> tuple[ApiKey, str]:
    """The key, and the token that only its owner will know. Raises `MalformedApiKey` or `NoSuchCustomer`."""
    if role not in tuple(KeyRole):
        raise MalformedApiKey(f"{shown(role)} is no role; there are {', '.join(KeyRole)}")
    if (role == KeyRole.CUSTOMER) != (customer is not None):
        raise MalformedApiKey("a key of role customer names the one customer that it is for; no other does")
    if customer is not None:
        if sources:
            raise MalformedApiKey("a key of role customer names no sources")
        if customer not in load_catalog(home).customers:
            raise NoSuchCustomer(customer)
        sources = (customer,)
    key_id = KeyId(home.entropy.token(ID_BYTES).hex())
    token = token_of(key_id, home.entropy.token(SECRET_BYTES))
    key = ApiKey(
        key_id=key_id,
        name=name,
        role=KeyRole(role),
        secret_sha256=token_digest(token),
        sources=tuple(dict.fromkeys(sources)),
        created_at=home.clock.now(),
        revoked_at=None,
    )
    home.books.api_keys.add(key)
    return key, token.decode()


def list_api_keys(home: Home) -> tuple[ApiKey, ...]:
    return home.books.api_keys.all()


def revoke_api_key(home: Home, key_id: str) -> None:
    """A running server refuses the key within a second. Raises `NoSuchApiKey`."""
    home.books.api_keys.revoke(KeyId(key_id), at=home.clock.now())
