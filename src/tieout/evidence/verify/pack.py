"""A pack as it was read: its members, and JSON members that must be in the one canonical form."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from tieout.evidence.verify.report import Report
from tieout.kernel.canonical import JsonNumber, canonical_json
from tieout.kernel.instant import parse_instant

Members = dict[str, Any]  # an object of a JSON text; what is not as it should be is told where it is used
MANIFEST = "manifest.json"
SIGNATURE = "manifest.json.minisig"
CHECKSUMS = "SHA256SUMS"
FORMATS = ("tieout/pack/1", "tieout/pack/2", "tieout/pack/3")
SLUG_LENGTH_MAX, DIGEST_SHOWN = 40, 12
"""Characters of a key, and digits of a digest, in the file name of a document."""
WITHOUT_LOG, WITHOUT_HEADS, _ = FORMATS
"""Of the first, events are not proven to be in the log; of the second, only under roots that it states
itself."""


class Broken(str):
    """A number with a fraction, which no member of a pack has: nothing is equal to it."""

    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other

    def __ne__(self, other: object) -> bool:
        return self is not other


class Unreadable(ValueError):
    """A member is missing or cannot be read; it is in the report already."""


@dataclass(slots=True)
class Pack:
    """`documents`: by (kind, key, version), and by digest, the texts of the catalog that the pack holds.

    A member is read once: what is wrong with its form is told once, and so it is of every other."""

    members: dict[str, bytes]
    report: Report
    documents: dict[tuple[str, str, int], Members] = field(default_factory=dict)
    by_digest: dict[str, Members] = field(default_factory=dict)
    _read: dict[str, Any] = field(default_factory=dict)

    def json(self, name: str) -> Any:
        """Raises `Unreadable`."""
        if name not in self._read:
            self._read[name] = self._json(name)
        if self._read[name] is None:
            raise Unreadable(name)
        return self._read[name]

    def _json(self, name: str) -> Any:
        """None where it is in the report."""
        content = self.members.get(name)
        if content is None:
            self.report.add(name, "file", "there", "missing")
            return None
        try:
            text = content.decode()
            again = canonical_json(json_as_written(text))
            if again != text:
                self.report.add(name, "form", "canonical JSON", "another writing of it")
            read = json.loads(text, parse_float=Broken)
        except (ValueError, RecursionError) as error:
            self.report.add(name, "form", "canonical JSON", str(error))
            return None
        if read is None:
            self.report.add(name, "form", "an object or a list", "null")
        return read

    def read_all(self) -> None:
        """So that one that cannot be read hides no other one that rests on it."""
        for name in sorted(self.members):
            if name.endswith(".json"):
                try:
                    self.json(name)
                except Unreadable:
                    continue

    def document(self, kind: str, key: str, version: int) -> Members | None:
        return self.documents.get((kind, key, version))


def json_as_written(text: str) -> Any:
    """Numbers digit for digit. Raises `ValueError`, also for NaN and the like, which are no JSON."""
    return json.loads(text, parse_int=JsonNumber, parse_float=JsonNumber, parse_constant=_refuse)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")


def check_manifest(pack: Pack, manifest: Members) -> None:
    """Every member but these two is listed with its size and digest, and nothing else is there."""
    report = pack.report
    listed = manifest["members"]
    there = set(pack.members) - {MANIFEST, SIGNATURE}
    for name in sorted(there - set(listed)):
        report.add(name, "file", "not in the pack: the manifest does not list it", "added")
    for name in sorted(set(listed) - there):
        report.add(name, "file", "there", "missing")
    for name in sorted(there & set(listed)):
        content, said = pack.members[name], listed[name]
        report.compare(
            name,
            [
                ("bytes", said["bytes"], len(content)),
                ("SHA-256", said["sha256"], sha256(content).hexdigest()),
            ],
        )
    sums = "".join(f"{listed[name]['sha256']}  {name}\n" for name in sorted(listed) if name != CHECKSUMS)
    if pack.members.get(CHECKSUMS) != sums.encode():
        report.add(CHECKSUMS, "content", "the digests of the manifest", "something else")
    document = pack.members.get("invoice/document.json", b"")
    report.compare(
        "invoice/document.json",
        [("sealed SHA-256", manifest["invoice"]["sha256"], sha256(document).hexdigest())],
    )
    report.checked.append(f"{len(there):,} files are what the signed manifest says, and there are no others.")


def _file_of(said: Members) -> str:
    """By kind, key, version and digest."""
    slug = re.sub(r"[^a-z0-9.-]+", "-", said["key"].lower())[:SLUG_LENGTH_MAX].strip("-.")
    return f"documents/{said['kind']}-{slug}-v{said['version']}-{said['digest'][:DIGEST_SHOWN]}.json"


def read_documents(pack: Pack) -> None:
    """The catalog's texts by the digest that each has."""
    for said in pack.json("documents.json"):
        content = pack.members.get(said["file"], b"")
        digest = sha256(content).hexdigest()
        if digest != said["digest"]:
            pack.report.add(said["file"], "digest", said["digest"], digest)
            continue
        table = pack.json(said["file"])
        own = table.get("type") if said["kind"] == "event" else table.get("key", said["key"])
        pack.report.compare(
            said["file"],
            [
                ("key", said["key"], own),
                ("version", said["version"], table.get("version", said["version"])),
                ("effective", parse_instant(table["effective_from"]), parse_instant(said["effective_from"])),
                ("name", _file_of(said), said["file"]),
            ],
        )
        pack.documents[said["kind"], said["key"], said["version"]] = table
        pack.by_digest[digest] = table
