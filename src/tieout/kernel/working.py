"""How an amount came about, line by line, kept beside the amount so that it can explain itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from tieout.kernel.rational import Exact


@dataclass(frozen=True, slots=True)
class Step:
    """One line of working.

    `rule` is a stable name, `text` a sentence, `quantity` and `rate` decimals as text. `amount`, exact and in
    currency units, is what the step adds to the charge.
    """

    rule: str
    text: str
    quantity: str | None
    rate: str | None
    amount: Exact


Working: TypeAlias = tuple[Step, ...]


def remark(rule: str, text: str) -> Step:
    """A step that only says something: it prices no units and adds nothing."""
    return Step(rule=rule, text=text, quantity=None, rate=None, amount=Exact(0))
