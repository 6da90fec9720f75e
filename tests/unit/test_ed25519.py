"""Signature checks by the standard library alone: the vectors of RFC 8032, section 7.1, and bytes that must
not pass for a signature although a lenient check would take them."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.kernel.ed25519 import is_signed

ORDER = 2**252 + 27742317777372353535851937790883648493
P = 2**255 - 19
SECRETS = (
    ("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", ""),
    ("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", "72"),
    ("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7", "af82"),
)
"""Secret keys and messages; the RFC's public keys and signatures are below."""
SIGNED = (
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
        "387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
        "4a7c15e9716ed28dc027beceea1ec40a",
    ),
)


def test_the_vectors_of_the_rfc() -> None:
    for (secret, message), (public, signature) in zip(SECRETS, SIGNED, strict=True):
        key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret))
        assert key.public_key().public_bytes_raw().hex() == public
        assert is_signed(bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signature))


@settings(max_examples=25)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200), st.integers(0, 511))
def test_what_the_library_signs_is_signed_and_no_flipped_bit_is(
    secret: bytes, message: bytes, bit: int
) -> None:
    key = Ed25519PrivateKey.from_private_bytes(secret)
    public, signature = key.public_key().public_bytes_raw(), key.sign(message)
    flipped = bytearray(signature)
    flipped[bit // 8] ^= 1 << bit % 8
    assert is_signed(public, message, signature)
    assert not is_signed(public, message, bytes(flipped))
    assert not is_signed(public, message + b"\x00", signature)


def test_a_signature_has_one_scalar_only() -> None:
    public, signature = (bytes.fromhex(each) for each in SIGNED[0])
    scalar = int.from_bytes(signature[32:], "little") + ORDER
    assert not is_signed(public, b"", signature[:32] + scalar.to_bytes(32, "little"))


def test_points_have_one_encoding_only() -> None:
    """y = 1 also as y = p + 1, and x = 0 as "minus 0": of the key 0 * B a lenient check would take both."""
    public, signature = (bytes.fromhex(each) for each in SIGNED[0])
    for other in ((P + 1).to_bytes(32, "little"), (1 | 1 << 255).to_bytes(32, "little")):
        assert not is_signed(public, b"", other + signature[32:])
        assert not is_signed(other, b"", signature)


def test_a_key_that_signs_everything_signs_nothing() -> None:
    neutral = (1).to_bytes(32, "little")
    assert not is_signed(neutral, b"anything", neutral + bytes(32))
    assert not is_signed(bytes(32), b"anything", neutral + bytes(32)), "a point of order 4"


def test_what_has_another_length_or_is_no_point_is_not_signed() -> None:
    public, signature = (bytes.fromhex(each) for each in SIGNED[0])
    assert not is_signed(public[:-1], b"", signature)
    assert not is_signed(public, b"", signature + b"\x00")
    assert not is_signed((2).to_bytes(32, "little"), b"", signature), "y = 2 is on no curve point"
