"""What a reproduction found: the recomputed numbers, and every layer that does not agree, by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tieout.aggregate.time_weighted import Opening
from tieout.kernel.money import Money
from tieout.kernel.quantity import Quantity

Layer = Literal[
    "event",
    "contract",
    "meter",
    "snapshot",
    "price",
    "plan",
    "program",
    "charge",
    "line",
    "invoice",
    "subscription",
    "movement",
    "manual line",
]

Fact = tuple[str, str, str]
"""A fact's name, what the evidence gives for it, and what is stored."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not what it was: `expected` is what the evidence gives, `found` what is stored."""

    what: Layer
    name: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.what} {self.name}: expected {self.expected}, found {self.found}"


@dataclass(frozen=True, slots=True)
class Reproduced:
    """Quantity and amount computed again from the stored events; None where the evidence no longer allows
    it. `opening`: the levels that a time-weighted line starts from.
    """

    quantity: Quantity | None
    amount: Money | None
    differences: tuple[Difference, ...]
    opening: tuple[Opening, ...] = ()

    @property
    def matches(self) -> bool:
        return not self.differences and self.quantity is not None and self.amount is not None


def compared(layer: Layer, name: str, *facts: Fact) -> list[Difference]:
    """The facts in which the stored text is not the one that the evidence gives."""
    return [
        Difference(layer, name, f"{fact} {expected}", f"{fact} {stored}")
        for fact, expected, stored in facts
        if expected != stored
    ]
