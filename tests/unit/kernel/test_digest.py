"""Fingerprints add up in any order; identities do not run into one another."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.kernel.digest import (
    LANE_MODULUS,
    Fingerprint,
    MalformedFingerprint,
    document_digest,
    identity_key,
    lanes,
)

EXAMPLES = settings(max_examples=100)
DIGESTS = st.binary(min_size=32, max_size=32)


def test_lanes_are_little_endian() -> None:
    digest = bytes([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]) + bytes(16)
    assert lanes(digest) == (1, 2 << 56)
    assert str(Fingerprint.of(digest)) == "1:0000000000000001:0200000000000000"


def test_lanes_wrap() -> None:
    top = Fingerprint(1, LANE_MODULUS - 1, LANE_MODULUS - 1)
    assert top + Fingerprint(1, 1, 2) == Fingerprint(2, 0, 1)


@EXAMPLES
@given(st.lists(DIGESTS, max_size=12))
def test_order_and_grouping_do_not_matter(digests: list[bytes]) -> None:
    straight = sum(map(Fingerprint.of, digests), Fingerprint(0, 0, 0))
    half = len(digests) // 2
    front = sum(map(Fingerprint.of, reversed(digests[:half])), Fingerprint(0, 0, 0))
    back = sum(map(Fingerprint.of, reversed(digests[half:])), Fingerprint(0, 0, 0))
    assert back + front == straight
    assert Fingerprint.parse(str(straight)) == straight


@pytest.mark.parametrize(
    "text", ["", "1:0:0", "1:000000000000000g:0000000000000000", "-1:" + "0" * 16 + ":" + "0" * 16]
)
def test_malformed_fingerprints_are_refused(text: str) -> None:
    with pytest.raises(MalformedFingerprint):
        Fingerprint.parse(text)


def test_an_identity_is_source_and_id_apart_and_keyed() -> None:
    assert identity_key(b"k", "a-b", "c") != identity_key(b"k", "a", "b-c")
    assert identity_key(b"k", "a", "b") != identity_key(b"l", "a", "b")
    assert len(identity_key(b"k", "a", "b")) == 16


def test_a_document_digest_is_plain_sha256() -> None:
    assert document_digest("{}") == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
