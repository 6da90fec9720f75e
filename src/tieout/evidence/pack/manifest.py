"""The manifest: what a pack is of, and every other member with its size and SHA-256. It is what is signed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from tieout.evidence.pack.archive import archive
from tieout.evidence.pack.check_script import CHECKSUMS, checksums
from tieout.evidence.pack.minisign import Sign, signature_text
from tieout.evidence.pack.proofs import NOT_LINKED
from tieout.kernel.canonical import JsonNumber, JsonValue, canonical_json

PACK_FORMAT: Final = "tieout/pack/3"
"""A changed member, or a new meaning of one, is a new format; a verifier keeps all old ones."""
MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.json.minisig"


@dataclass(frozen=True, slots=True)
class PackHead:
    """What a pack is of. `lines`: all of the invoice, or the one that was asked for."""

    home: str
    invoice: str
    number: str
    sha256: str
    lines: Sequence[str]
    software_version: str
    tzdata_version: str


def manifest_bytes(head: PackHead, members: Mapping[str, bytes], digests: Mapping[str, str]) -> bytes:
    files: dict[str, JsonValue] = {
        name: {"bytes": JsonNumber(str(len(content))), "sha256": digests[name]}
        for name, content in members.items()
    }
    return canonical_json(
        {
            "format": PACK_FORMAT,
            "home": head.home,
            "invoice": {"id": head.invoice, "number": head.number, "sha256": head.sha256},
            "lines": list(head.lines),
            "software_version": head.software_version,
            "tzdata_version": head.tzdata_version,
            "not_proven": [NOT_LINKED],
            "members": files,
        }
    ).encode()


def signed_pack(
    head: PackHead, files: Mapping[str, bytes], *, public_key: bytes, sign: Sign
) -> tuple[bytes, bytes]:
    """The archive, and the manifest in it. The digests of `files` are listed for sha256sum too."""
    digests = {name: sha256(content).hexdigest() for name, content in files.items()}
    sums = checksums([(digests[name], name) for name in sorted(files)]).encode()
    members = {**files, CHECKSUMS: sums}
    manifest = manifest_bytes(head, members, {**digests, CHECKSUMS: sha256(sums).hexdigest()})
    comment = f"{PACK_FORMAT} {head.home} {head.invoice} {sha256(manifest).hexdigest()}"
    signature = signature_text(manifest, comment, public_key=public_key, sign=sign)
    return archive({**members, MANIFEST: manifest, SIGNATURE: signature.encode()}), manifest
