"""Trees of hashes: the definition of RFC 6962, section 2.1, written out naively, and proofs against it."""

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.kernel.merkle import BadProof, groups_of, leaf_hash, prove, proven_root, root_of

KNOWN = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
"""Roots over the first so many of the leaves that certificate-transparency test suites share."""
LEAVES = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")


def _naive(leaves: Sequence[bytes]) -> bytes:
    if not leaves:
        return sha256().digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return sha256(b"\x01" + _naive(leaves[:half]) + _naive(leaves[half:])).digest()


@pytest.mark.parametrize("size", KNOWN)
def test_known_roots(size: int) -> None:
    leaves = [bytes.fromhex(each) for each in LEAVES[:size]]
    assert root_of([leaf_hash(each) for each in leaves]).hex() == KNOWN[size]
    assert _naive(leaves).hex() == KNOWN[size]


@st.composite
def _disclosures(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]]]:
    size = draw(st.integers(0, 70))
    edges = sorted(draw(st.sets(st.integers(0, size), max_size=8)))
    return size, list(zip(edges[::2], edges[1::2], strict=False))


@given(_disclosures())
def test_a_proof_leads_to_the_root_and_no_other_leaf_does(asked: tuple[int, list[tuple[int, int]]]) -> None:
    size, stretches = asked
    leaves = [str(number).encode() for number in range(size)]
    hashes = [leaf_hash(each) for each in leaves]
    proof = prove(size, stretches, lambda start, end: root_of(hashes[start:end]))
    shown = [each for start, end in stretches for each in hashes[start:end]]
    assert proven_root(size, stretches, shown, proof) == _naive(leaves) == root_of(hashes)
    for place in range(len(shown)):
        forged = [*shown[:place], leaf_hash(b"forged"), *shown[place + 1 :]]
        assert proven_root(size, stretches, forged, proof) != root_of(hashes)


def test_roots_of_groups_make_the_root() -> None:
    hashes = [leaf_hash(str(number).encode()) for number in range(2_500)]
    assert len(groups_of(hashes)) == 3
    assert root_of(groups_of(hashes)) == root_of(hashes)


@pytest.mark.parametrize(
    ("stretches", "shown", "proof"),
    [
        ([(0, 1)], 1, 1),
        ([(0, 1)], 1, 3),
        ([(0, 1)], 2, 2),
        ([(1, 1)], 0, 2),
        ([(0, 5)], 5, 0),
        ([(2, 3), (1, 2)], 2, 2),
        ([(0, 2), (1, 3)], 4, 1),
    ],
)
def test_what_is_no_proof_is_refused(stretches: list[tuple[int, int]], shown: int, proof: int) -> None:
    with pytest.raises(BadProof):
        proven_root(4, stretches, [leaf_hash(b"")] * shown, [leaf_hash(b"")] * proof)
