"""A break: two layers of an invoice that do not agree. It holds the invoice."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Break:
    """Which tie, what each side says, and what a person does next."""

    tie: str
    expected: str
    found: str
    next_action: str
