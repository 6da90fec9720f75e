"""The catalog: TOML documents by kind and key, every version with the instant from which it holds."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.independent.instants import instant

Document = dict[str, Any]


@dataclass
class Catalog:
    """`kinds[kind][key]` are the versions of a document by number."""

    kinds: dict[str, dict[str, dict[int, Document]]] = field(default_factory=dict)
    subjects: list[Document] = field(default_factory=list)

    def add(self, place: Path) -> None:
        """A file, or all files of a folder. A version that is there already is put in place of itself."""
        for file in [place] if place.is_file() else sorted(place.rglob("*.toml")):
            for kind, documents in tomllib.loads(file.read_text()).items():
                for document in documents:
                    self._keep(kind, document)

    def _keep(self, kind: str, document: Document) -> None:
        if kind == "subject":
            if document not in self.subjects:
                self.subjects.append(document)
            return
        key = document.get("key") or document.get("type")
        self.kinds.setdefault(kind, {}).setdefault(str(key), {})[document.get("version", 1)] = document

    def keys(self, kind: str) -> list[str]:
        return sorted(self.kinds.get(kind, {}))

    def versions(self, kind: str, key: str) -> list[Document]:
        return [document for _, document in sorted(self.kinds[kind][key].items())]

    def last(self, kind: str, key: str) -> Document:
        return self.versions(kind, key)[-1]

    def at(self, kind: str, key: str, when: int) -> Document:
        """Of the versions that hold by then, the one that began last."""
        holding = [each for each in self.versions(kind, key) if since(each) <= when]
        return max(holding, key=lambda each: (since(each), each.get("version", 1)))

    def changes(self, kind: str, key: str) -> list[int]:
        return [since(each) for each in self.versions(kind, key)]

    def owner(self, subject: str, when: int) -> str | None:
        """Whose customer's a subject is at an instant; the document read last decides."""
        found = None
        for document in self.subjects:
            end = document.get("until")
            if subject in named_subjects(document) and instant(document["from"]) <= when:
                found = document["customer"] if end is None or when < instant(end) else found
        return found

    def subscriptions_of(self, customer: str) -> Iterator[Document]:
        """The last version of each holds, for all time."""
        for key in self.keys("subscription"):
            document = self.last("subscription", key)
            if document["customer"] == customer:
                yield document


def since(document: Document) -> int:
    return instant(document["effective_from"])


def named_subjects(document: Document) -> list[str]:
    return document.get("subjects") or [document["subject"]]


def phase_span(phase: Document) -> tuple[int, int]:
    """A phase without an end goes on; the far future stands for that."""
    return instant(phase["from"]), instant(phase["until"]) if "until" in phase else FAR


FAR = instant("9000-01-01T00:00:00Z")
