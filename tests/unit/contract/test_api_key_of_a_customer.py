"""A customer's key sees one customer; one from before keys named theirs can be read, and sees nobody."""

from __future__ import annotations

import pytest

from tieout.contract.api_key import ApiKey, KeyRole, MalformedApiKey
from tieout.kernel.ids import KeyId
from tieout.kernel.instant import Instant


def key(role: KeyRole, *sources: str) -> ApiKey:
    return ApiKey(KeyId("k" * 16), "a key", role, b"\0" * 32, sources, Instant(0), None)


def test_a_customer_s_key_names_one() -> None:
    assert key(KeyRole.CUSTOMER, "acme").customer == "acme"
    assert key(KeyRole.CUSTOMER).customer == ""
    assert key(KeyRole.OPS).customer is None
    assert key(KeyRole.CUSTOMER, "acme").scope.allows("acme") is False
    with pytest.raises(MalformedApiKey):
        key(KeyRole.CUSTOMER, "acme", "globex")
    with pytest.raises(MalformedApiKey):
        key(KeyRole.OPS, "acme")
