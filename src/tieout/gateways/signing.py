"""Ed25519 (RFC 8032). Private keys stay with people, in files only they can read; signing needs no home and
no network.

A key file holds PEM: PKCS#8 for the private key, SubjectPublicKeyInfo for the public one, as OpenSSL reads
and writes them.
"""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from tieout.contract.signing_file import key_id_of
from tieout.kernel.errors import ConflictError, NotFound, Refusal
from tieout.kernel.ids import KeyId

KEY_FILE_BYTES_MAX = 16_384


class NotAKeyFile(Refusal):
    """The file is not the Ed25519 key it should be."""

    code = "not-a-key-file"

    def __init__(self, path: Path, expected: str) -> None:
        super().__init__(f"{path} is not an Ed25519 {expected} key in PEM form.")


class KeyFileMissing(NotFound):
    """There is no such file, or it may not be read."""

    code = "key-file-missing"

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"The key file {path} cannot be read: {why}.")


class KeyFileExists(ConflictError):
    """A key is never written over another."""

    code = "key-file-exists"

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} exists already; a key is never overwritten.")


class Ed25519Verifier:
    """The port `Signer`: reads public keys and checks signatures; holds no key."""

    def public_key(self, file: Path) -> bytes:
        return read_public_key(file)

    def verify(self, public_key: bytes, message: bytes, signature: bytes) -> bool:
        return verify(public_key, message, signature)


def generate_key(private_file: Path, public_file: Path) -> KeyId:
    """Writes a new key pair, the private half readable by its owner only. Raises `KeyFileExists`."""
    for path in (private_file, public_file):
        if path.exists():
            raise KeyFileExists(path)
    return _write_pair(Ed25519PrivateKey.generate(), private_file, public_file)


def foretold_key(private_file: Path, public_file: Path, *, seed: bytes) -> KeyId:
    """The key pair that follows from 32 bytes: for scratch homes, where it guards nothing."""
    return _write_pair(Ed25519PrivateKey.from_private_bytes(seed), private_file, public_file)


def _write_pair(key: Ed25519PrivateKey, private_file: Path, public_file: Path) -> KeyId:
    private_pem = _private_pem(key)
    public = key.public_key()
    public_pem = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    write_new(private_file, private_pem, mode=0o600)
    write_new(public_file, public_pem, mode=0o644)
    return key_id_of(public.public_bytes_raw())


def sign(private_file: Path, message: bytes) -> bytes:
    """64 bytes. Raises `KeyFileMissing` or `NotAKeyFile`."""
    return _private_key(private_file).sign(message)


def public_key_of(private_file: Path) -> bytes:
    """The 32 bytes of the public half."""
    return _private_key(private_file).public_key().public_bytes_raw()


def read_public_key(public_file: Path) -> bytes:
    """32 bytes. Raises `KeyFileMissing` or `NotAKeyFile`; a private key is refused, so that none is ever
    registered.
    """
    try:
        key = serialization.load_pem_public_key(_read(public_file))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise NotAKeyFile(public_file, "public") from error
    if not isinstance(key, Ed25519PublicKey):
        raise NotAKeyFile(public_file, "public")
    return key.public_bytes_raw()


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` is that key's over that message; False for malformed keys and signatures."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _private_key(path: Path) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(_read(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise NotAKeyFile(path, "private") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise NotAKeyFile(path, "private")
    return key


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(KEY_FILE_BYTES_MAX)
    except OSError as error:
        raise KeyFileMissing(path, error.strerror or "unreadable") from error


def new_private_pem() -> bytes:
    """A new private key as PKCS#8 in PEM form."""
    return _private_pem(Ed25519PrivateKey.generate())


def _private_pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def write_new(path: Path, content: bytes, *, mode: int) -> None:
    """Raises `KeyFileExists`."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError as error:  # came at this moment, or is a link to nothing
        raise KeyFileExists(path) from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
