"""A catalog under check: the records that could be read, beside every document, so that one broken document
is reported once and not again by each document that refers to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from tieout.contract.catalog import Catalog
from tieout.contract.document import Document, DocumentKind, Record
from tieout.contract.problem import Problem
from tieout.kernel.instant import Instant, format_instant


@dataclass(frozen=True, slots=True)
class Draft:
    """`catalog` holds what could be read; `documents` all documents, by kind and key in order of version."""

    catalog: Catalog
    documents: dict[tuple[DocumentKind, str], Sequence[Document]]

    def document(self, kind: DocumentKind, record: Record) -> Document:
        """The document a record was read from."""
        found = self.documents[kind, record.key]
        return next(document for document in found if document.version == record.version)

    def problem(self, kind: DocumentKind, record: Record, name: str, message: str) -> Problem:
        """A problem with member `name` of that record's document."""
        return self.document(kind, record).problem(name, message)

    def missing(self, kind: DocumentKind, key: str, *, since: Instant | None = None) -> str | None:
        """Why a reference to `key` does not hold (from `since` on, where given); None where it does."""
        found = self.documents.get((kind, key))
        if not found:
            known = [name for other, name in self.documents if other is kind]
            meant = get_close_matches(key, known, n=1)
            return f"there is no {kind} {key!r}{f'; did you mean {meant[0]!r}?' if meant else ''}"
        first = min(document.effective_from for document in found)
        if since is not None and first > since:
            begins, needed = format_instant(first), format_instant(since)
            return f"{kind} {key!r} is in force only from {begins}, not yet at {needed}"
        return None


def group(documents: Iterable[Document]) -> dict[tuple[DocumentKind, str], Sequence[Document]]:
    """By kind and key, in order of version."""
    found: dict[tuple[DocumentKind, str], list[Document]] = {}
    for document in sorted(documents, key=lambda document: document.version):
        found.setdefault((document.kind, document.key), []).append(document)
    return {place: tuple(entries) for place, entries in found.items()}
