"""A person is a name that somebody gave; two people are two names."""

from __future__ import annotations

from unicodedata import normalize


def is_same_person(one: str, other: str) -> bool:
    """Names that differ only in case, in spaces or in how their letters are encoded are one person's. Letters
    of another script that only look alike are another name."""
    return _words(one) == _words(other)


def _words(name: str) -> list[str]:
    return normalize("NFKC", normalize("NFKC", name).casefold()).split()
