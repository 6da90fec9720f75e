"""Drafts that wait for people, and lines by hand: when an account is sealed, and as of which position of
the log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tests.independent.instants import HOUR, Span, instant
from tests.independent.numbers import minor
from tests.independent.rating import Charge
from tests.independent.totals import Line

Content = tuple[tuple[str, Fraction, int], ...]
"""What a draft shows: words, quantity and minor units of each line."""


@dataclass
class Draft:
    """The latest revision. `unconfirmed`: who made it anew with other events, until somebody else agrees."""

    cutoff: int
    until: int
    content: Content
    approved: bool = False
    objected: bool = False
    unconfirmed: str | None = None


@dataclass(frozen=True)
class ByHand:
    """An approved line."""

    customer: str
    within: int
    amount: Fraction
    words: str
    tax_category: str
    key: str


Drafts = dict[tuple[str, Span], Draft]


def cutoff_to_seal(
    drafts: Drafts,
    account: tuple[str, Span],
    hours: int,
    at: int,
    head: int,
    content: Callable[[int], Content],
) -> int | None:
    """None while it waits. Without a review, at once and as of now."""
    if not hours:
        return head
    found = drafts.get(account)
    if found is None:
        drafts[account] = Draft(head, at + hours * HOUR, content(head))
        return None
    now = content(found.cutoff)
    if now != found.content:
        drafts[account] = Draft(found.cutoff, at + hours * HOUR, now, unconfirmed=found.unconfirmed)
        return None
    waits = found.unconfirmed or found.objected or not (found.approved or at >= found.until)
    return None if waits else found.cutoff


def redraft(
    drafts: Drafts,
    account: tuple[str, Span],
    hours: int,
    at: int,
    head: int,
    content: Callable[[int], Content],
    by: str,
) -> None:
    before = drafts[account]
    moved = content(head) != content(before.cutoff)
    unconfirmed = by if moved else before.unconfirmed
    drafts[account] = Draft(head, at + hours * HOUR, content(head), unconfirmed=unconfirmed)


def say(draft: Draft, told: dict[str, Any]) -> None:
    match told["does"]:
        case "approve":
            draft.approved, draft.objected = True, False
        case "object":
            draft.approved, draft.objected = False, True
        case "approve-delta" if told["by"] != draft.unconfirmed:
            draft.unconfirmed = None


def by_hand(told: dict[str, Any], key: str) -> ByHand:
    category = told.get("tax_category", "standard")
    amount = Fraction(told["amount"])
    return ByHand(told["customer"], instant(told["within"]), amount, told["description"], category, key)


def hand_lines(
    lines: list[ByHand], customer: str, period: Span, *, subscription: str, currency: str
) -> list[Line]:
    """Those of a customer's period, after all others."""
    found = []
    for each in lines:
        if each.customer == customer and period[0] <= each.within < period[1]:
            price = {"key": each.key, "currency": currency, "tax_category": each.tax_category}
            charge = Charge(
                subscription,
                price,
                (),
                period,
                period,
                Fraction(1),
                each.amount,
                each.words,
                kind="manual",
            )
            settled = minor(each.amount, currency)
            found.append(Line(charge, settled, Fraction(1)))
    return found
