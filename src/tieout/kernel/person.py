"""A person is a name that somebody gave; two people are two names. The one place that says when.

Whoever asks for two people, or three, asks here: a second spelling is no second person.
"""

from __future__ import annotations

from unicodedata import normalize


def is_same_person(one: str, other: str) -> bool:
    """Names that differ only in case, in spaces or in how their letters are encoded are one person's. Letters
    of another script that only look alike are another name."""
    return same_person(one) == same_person(other)


def same_person(name: str) -> str:
    """The same text for every spelling of one person's name, so that people can be counted."""
    return " ".join(normalize("NFKC", normalize("NFKC", name).casefold()).split())
