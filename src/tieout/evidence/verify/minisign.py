"""Public keys and minisign signatures, read strictly: every byte of both files must be as it has to be."""

from __future__ import annotations

from base64 import b64decode, b64encode
from hashlib import blake2b, sha256

from tieout.evidence.verify.report import Report
from tieout.kernel.ed25519 import is_signed
from tieout.kernel.errors import Refusal

PEM_HEAD = bytes.fromhex("302a300506032b6570032100")
OF_A_MANIFEST = "untrusted comment: signature of an evidence pack's manifest"
TRUSTED = "trusted comment: "


class NotAPublicKey(Refusal):
    """The file is no Ed25519 public key that OpenSSL or minisign wrote."""

    code = "not-a-public-key"

    def __init__(self) -> None:
        super().__init__("The key file is no Ed25519 public key in PEM or minisign form.")


def public_key(content: bytes) -> bytes:
    """32 bytes. Raises `NotAPublicKey`."""
    try:
        lines = content.decode("ascii").split("\n")
        lines = [line.strip() for line in lines if line.strip()]
        if lines[0].startswith("untrusted comment:") and len(lines) == 2:
            read = b64decode(lines[1], validate=True)
            if len(read) == 42 and read[:2] == b"Ed":
                return read[10:]
        if lines[0] == "-----BEGIN PUBLIC KEY-----" and lines[-1] == "-----END PUBLIC KEY-----":
            read = b64decode("".join(lines[1:-1]), validate=True)
            if len(read) == len(PEM_HEAD) + 32 and read.startswith(PEM_HEAD):
                return read[len(PEM_HEAD) :]
    except (ValueError, IndexError):
        pass
    raise NotAPublicKey


def signed_with(signature: bytes) -> bytes | None:
    """The number of the key that a signature names, 8 bytes; None where it is no minisign signature."""
    try:
        lines = signature.decode("ascii").split("\n")
        number = b64decode(lines[1], validate=True)[2:10]
    except (ValueError, IndexError):
        return None
    return number if len(number) == 8 else None


def check_signature(
    content: bytes,
    signature: bytes,
    key: bytes,
    comment: str | None,
    *,
    file: str,
    report: Report,
    about: str = OF_A_MANIFEST,
) -> None:
    """`comment`: what the trusted comment has to say, None: anything; `about`: the first line."""
    try:
        lines = signature.decode("ascii").split("\n")
        if len(lines) != 5 or lines[4]:
            raise ValueError("it has not four lines")
        first, whole = (b64decode(line, validate=True) for line in (lines[1], lines[3]))
    except ValueError as error:
        report.add(file, "form", "a minisign signature", str(error))
        return
    number = first[2:10]
    third = lines[2] if comment is None else TRUSTED + comment
    rebuilt = [about, b64encode(first).decode(), third, b64encode(whole).decode(), ""]
    report.compare(
        file,
        [
            *(
                (f"line {place}", ours, theirs)
                for place, (ours, theirs) in enumerate(zip(rebuilt, lines, strict=True), 1)
            ),
            ("algorithm", "ED", first[:2].decode("latin-1")),
            ("length", (74, 64), (len(first), len(whole))),
            ("key number", sha256(key).digest()[:8].hex(), number.hex()),
        ],
    )
    if not is_signed(key, blake2b(content).digest(), first[10:]):
        report.add(
            file, "signature", "one of the given key over the file", f"another (key {number[::-1].hex()})"
        )
    said = lines[2].removeprefix(TRUSTED).encode()
    if not is_signed(key, first[10:] + said, whole):
        report.add(file, "signature of the comment", "one of the given key", "another")
