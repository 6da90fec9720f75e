"""A break: two layers that do not agree, itemised so that a person knows what it is, how large, and what to
do.

Its class says which accident it is, so that the same accident reads the same whichever tie found it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class BreakClass(StrEnum):
    """DUPLICATE: counted or billed twice. OUT_OF_ORDER: the same events, another order. MISSING: one side has
    less. BACKFILL_DRIFT: other events than those that were measured. RERATING_DRIFT: the same events cost
    something else than was billed. UNPRICED: usage of a customer without a price. UNMATCHED: usage of
    nobody. ARITHMETIC: amounts that do not add up."""

    DUPLICATE = "duplicate"
    OUT_OF_ORDER = "out-of-order"
    MISSING = "missing"
    BACKFILL_DRIFT = "backfill-drift"
    RERATING_DRIFT = "re-rating-drift"
    UNPRICED = "unpriced"
    UNMATCHED = "unmatched"
    ARITHMETIC = "arithmetic"


class Reach(StrEnum):
    """What a break stops: the invoice of its account, those of the whole cycle, or none (it is noted)."""

    ACCOUNT = "account"
    CYCLE = "cycle"
    NOTED = "noted"


@dataclass(frozen=True, slots=True)
class Break:
    """Which tie, what each side says, and what a person does next; `size` is how far they are apart, in
    events, units or money, as a text."""

    tie: str
    expected: str
    found: str
    next_action: str
    kind: BreakClass = BreakClass.ARITHMETIC
    size: str = field(kw_only=True)
    reach: Reach = Reach.ACCOUNT


def events_size(count: int) -> str:
    """`1 event`, `3 events`."""
    return f"{count} event{'' if count == 1 else 's'}"
