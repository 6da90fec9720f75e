"""The members that every kind of document has: key, version, effective_from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256

from tieout.contract.reading.table import TableReader
from tieout.kernel.canonical import token
from tieout.kernel.instant import Instant, format_instant
from tieout.kernel.limits import TYPE_LENGTH_MAX

TYPE_PATTERN = re.compile(rf"[\x21-\x7e]{{1,{TYPE_LENGTH_MAX}}}\Z")
VERSION_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Head:
    """Which document this is; `digest` is over its canonical table."""

    key: str
    version: int
    effective_from: Instant
    digest: str


def read_head(reader: TableReader, digest: str) -> Head:
    """`key`, `version` and `effective_from`, all required."""
    return Head(
        key=reader.reference("key"),
        version=reader.integer("version", minimum=1, maximum=VERSION_MAX),
        effective_from=reader.instant("effective_from"),
        digest=digest,
    )


def read_event_head(reader: TableReader, digest: str) -> Head:
    """An event contract's key is its `type`: visible ASCII, as CloudEvents allows it."""
    event_type = reader.text("type")
    if event_type and TYPE_PATTERN.match(event_type) is None:
        reader.problem("type", f"must be visible ASCII, 1 to {TYPE_LENGTH_MAX} characters")
    return Head(
        key=event_type,
        version=reader.integer("version", minimum=1, maximum=VERSION_MAX),
        effective_from=reader.instant("effective_from"),
        digest=digest,
    )


def read_subject_head(reader: TableReader, digest: str) -> Head:
    """A subject mapping takes effect at its `from`. Without a `key` it is known by customer, start and
    subjects, so that a version with an `until` replaces the one without."""
    start = reader.instant("from")
    if reader.has("key"):
        key = reader.reference("key")
    else:
        key = _subject_key(reader.optional_text("customer") or "", start, read_subjects(reader))
    return Head(
        key=key,
        version=reader.integer("version", minimum=1, maximum=VERSION_MAX, default=1),
        effective_from=start,
        digest=digest,
    )


def read_subjects(reader: TableReader) -> tuple[str, ...]:
    """`subject = "a"` or `subjects = ["a", "b"]`; exactly one of the two."""
    both = reader.has("subject") and reader.has("subjects")
    if both:
        reader.problem("subjects", "stands beside subject; give one of the two")
    if reader.has("subjects"):
        return reader.texts("subjects", at_least=1)
    return (reader.text("subject"),)


def _subject_key(customer: str, start: Instant, subjects: tuple[str, ...]) -> str:
    named = b"".join(token(subject.encode("utf-8")) for subject in sorted(subjects))
    return f"{customer}@{format_instant(start)}#{sha256(named).hexdigest()[:12]}"
