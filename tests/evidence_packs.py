"""Packs of a small home for tests, and what a dishonest builder who holds the key would do to them."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.small_home import FEBRUARY_3, ingest, january, make_home
from tieout.evidence.pack.archive import archive
from tieout.evidence.pack.check_script import CHECKSUMS, checksums
from tieout.evidence.pack.manifest import MANIFEST, SIGNATURE
from tieout.evidence.pack.minisign import public_key_text, signature_text
from tieout.evidence.verify.report import Report
from tieout.evidence.verify.verify import verify_pack
from tieout.flows.build_pack import build_pack
from tieout.flows.close_periods import close
from tieout.flows.keep_head import keep_head, make_key
from tieout.gateways.evidence_key import FileInstallationKey
from tieout.kernel.canonical import JsonNumber, canonical_json
from tieout.wiring import Home

INVOICE = "INV-000003"


@dataclass(frozen=True, slots=True)
class PackedHome:
    """A pack of one invoice, the key that signed it, and the home it came from."""

    folder: Path
    content: bytes
    key: FileInstallationKey

    @property
    def key_file(self) -> bytes:
        return public_key_text(self.key.public_key()).encode()

    @property
    def members(self) -> dict[str, bytes]:
        with zipfile.ZipFile(io.BytesIO(self.content)) as read:
            return {name: read.read(name) for name in read.namelist()}

    def verify(self, content: bytes) -> Report:
        return verify_pack(content, self.key_file)

    def signed_again(self, members: Mapping[str, bytes]) -> bytes:
        """What somebody builds who holds the key: manifest and signature fit the members."""
        own = (MANIFEST, SIGNATURE, CHECKSUMS)
        listed = [(sha256(members[name]).hexdigest(), name) for name in sorted(members) if name not in own]
        members = {**members, CHECKSUMS: checksums(listed).encode()}
        manifest = json.loads(members[MANIFEST])
        manifest["members"] = {
            name: {"bytes": len(content), "sha256": sha256(content).hexdigest()}
            for name, content in members.items()
            if name not in (MANIFEST, SIGNATURE)
        }
        manifest["invoice"]["sha256"] = sealed_digest(members)
        return self.signed_manifest({**members, MANIFEST: canonical(manifest)})

    def signed_manifest(self, members: Mapping[str, bytes]) -> bytes:
        """With a signature that fits the manifest, whatever it says."""
        text = members[MANIFEST]
        said = json.loads(text)
        digest = sha256(text).hexdigest()
        whole, invoice = (said, said.get("invoice")) if isinstance(said, dict) else ({}, None)
        of = invoice.get("id") if isinstance(invoice, dict) else None
        comment = f"{whole.get('format')} {whole.get('home')} {of} {digest}"
        sign = partial(self.key.sign)
        signature = signature_text(text, comment, public_key=self.key.public_key(), sign=sign)
        return archive({**members, SIGNATURE: signature.encode()})


def sealed_digest(members: Mapping[str, bytes]) -> str:
    return sha256(members["invoice/document.json"]).hexdigest()


def packed_home(folder: Path, *, per_customer: int = 4) -> PackedHome:
    home, _ = make_home(folder / "home", now=FEBRUARY_3)
    with home:
        ingest(home, january(per_customer))
        close(home, as_of=home.clock.now())
        run = home.books.closes.start(as_of=FEBRUARY_3, cutoff=home.log.head(), cutoff_at=FEBRUARY_3)
        keep_head(home, run)  # a second head, as the next seal would state it
        make_key(home)
        return PackedHome(home.folder, pack_of(home), FileInstallationKey(home.folder))


def pack_of(home: Home) -> bytes:
    return build_pack(home, INVOICE).content


def edited(content: bytes, change: Callable[[Any], None]) -> bytes:
    """A JSON member after a change, canonical as before."""
    value = json.loads(content)
    change(value)
    return canonical(value)


def canonical(value: object) -> bytes:
    return canonical_json(json.loads(json.dumps(value), parse_int=JsonNumber)).encode()
