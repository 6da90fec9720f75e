"""Every way in which one leaf of a JSON member of a pack is changed: for a text or a number another one of
its kind and of other kinds, null, nothing; for an object a name too many; for a list one more and one again.

The order of a list is left alone: where it says something (spans, entries, documents) it is compared as it
is, and elsewhere nothing is said by it.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.evidence_packs import PackedHome, canonical, sealed_digest
from tieout.evidence.pack.manifest import MANIFEST
from tieout.evidence.verify.forms import ACCOUNTS

DOCUMENT, TRANSITIONS = "invoice/document.json", "invoice/transitions.json"
KINDS = ("accrual", "credit-note", "credits-applied", "earned", "invoice", "payment", "refund", "reversal")
WORDS = {word: tuple(each for each in words if each != word) for words in (ACCOUNTS, KINDS) for word in words}
"""Texts that are one of a few: each may be changed into any other of them."""
Way = tuple[str | int, ...]
GONE = object()


@dataclass(frozen=True, slots=True)
class Change:
    """`path` leads to what is changed; `value` is what stands there then (`GONE`: nothing). `words` is the
    path with what each member of a list is called in place of its number."""

    member: str
    path: Way
    words: tuple[str, ...]
    value: Any

    @property
    def place(self) -> str:
        """The same for every invoice, line and snapshot; one for each kind of text of the catalog."""
        name = re.sub(r"in_[0-9a-f]{16}", "ID", self.member)
        name = re.sub(r"ID-(s?)[0-9]+", r"ID-\1N", name)
        name = re.sub(r"documents/([a-z]+)-.*", r"documents/\1", name)
        words = ("...",) if name.startswith("documents/") else self.words
        if name == MANIFEST and words[:1] == ("members",) and len(words) > 1:
            words = ("members", "...", *words[2:])
        return f"{name}: {'/'.join(words)}"

    def applied(self, content: bytes) -> bytes:
        whole = copy.deepcopy(json.loads(content))
        if not self.path:
            return canonical(self.value)
        *ways, last = self.path
        at = whole
        for way in ways:
            at = at[way]
        if self.value is GONE:
            del at[last]
        elif isinstance(at, list) and last == len(at):
            at.append(self.value)
        else:
            at[last] = self.value
        return canonical(whole)


def changes_of(member: str, content: bytes) -> Iterator[Change]:
    """Those that leave another text."""
    for path, words, value in _changes(json.loads(content), (), ()):
        change = Change(member, path, words, value)
        if change.applied(content) != content:
            yield change


def _changes(value: Any, path: Way, words: tuple[str, ...]) -> Iterator[tuple[Way, tuple[str, ...], Any]]:
    if isinstance(value, dict):
        yield (*path, "added"), (*words, "added"), "x"
        for name, each in value.items():
            yield (*path, name), (*words, name), GONE
            yield from _changes(each, (*path, name), (*words, name))
    elif isinstance(value, list):
        for more in ("x", *value[-1:]):
            yield (*path, len(value)), (*words, "more"), more
        for place, each in enumerate(value):
            called = (*words, "last" if place == len(value) - 1 and _is_head(each) else _called(each))
            yield (*path, place), called, GONE
            yield from _changes(each, (*path, place), called)
    else:
        for other in _others(value):
            yield path, words, other


def _called(each: Any) -> str:
    """Entries by the first word of their name, movements by kind, transitions by what they are."""
    if not isinstance(each, dict):
        return "#"
    if "postings" in each:
        return str(each["id"]).partition("/")[0]
    return str(each.get("what", each["kind"] if "minor" in each and "kind" in each else "#"))


def _is_head(each: Any) -> bool:
    return isinstance(each, dict) and "previous" in each


def _others(value: Any) -> Iterator[Any]:
    """The first is of the same kind, and as like it as can be."""
    if value is None:
        yield from ("x", 1, True, [], {})
        return
    if isinstance(value, bool):
        yield from (not value, int(value))
    elif isinstance(value, int):
        yield from (value + 1, str(value), value + 0.5)
    else:
        yield from _other_texts(value)
    yield None


def _other_texts(text: str) -> Iterator[Any]:
    if re.fullmatch(r"[0-9]{4}-.*", text):  # an instant, a date, a month
        yield f"{int(text[:4]) + 1}{text[4:]}"
    elif re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text):
        yield f"-9{text[1:]}" if text[0] == "-" else f"9{text}"
        yield float(text) + 0.5
        yield 7
    elif re.fullmatch(r"[0-9a-f]{16,}", text):
        yield f"{'2' if text[0] == '1' else '1'}{text[1:]}"
    else:
        yield from WORDS.get(text, ())
    yield from (f"{text}x", "")


def signed_with(packed: PackedHome, members: Mapping[str, bytes], change: Change, *, follows: bool) -> bytes:
    """The pack with that change, signed again. `follows`: what states the digest of the sealed document
    states the new one. A manifest is signed as it was changed."""
    changed = {**members, change.member: change.applied(members[change.member])}
    if follows:
        old = json.loads(members[MANIFEST])["invoice"]["sha256"]
        new = sealed_digest(changed)
        changed[TRANSITIONS] = changed[TRANSITIONS].replace(old.encode(), new.encode())
    if change.member != MANIFEST:
        return packed.signed_again(changed)
    return packed.signed_manifest(changed)
