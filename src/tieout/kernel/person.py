"""A person is a name that somebody gave; two people are two names."""

from __future__ import annotations


def is_same_person(one: str, other: str) -> bool:
    """Names that differ in case or in spaces alone are one person's."""
    return one.casefold().split() == other.casefold().split()
