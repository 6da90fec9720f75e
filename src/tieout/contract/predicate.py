"""Which events a meter means: conditions on single fields, all of which must hold.

A field that is absent matches no condition, negated or not: what is not known neither selects nor excludes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ENVELOPE_FIELDS = ("source", "subject")
"""Attributes of the event itself that a condition may name besides the contract's fields."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Holds when the field's canonical text, without its tag, is one of `values` (or, negated, is none of
    them)."""

    field: str
    values: tuple[str, ...]
    negated: bool = False

    def holds(self, text: str | None) -> bool:
        """`text` is the field's canonical text without tag, None where the event does not have the field."""
        return text is not None and (text in self.values) != self.negated


Predicate = tuple[Condition, ...]


def holds(predicate: Predicate, texts: Mapping[str, str]) -> bool:
    """Whether every condition holds; the empty predicate holds for every event."""
    return all(condition.holds(texts.get(condition.field)) for condition in predicate)
