"""Fees in advance, by stretch of time: what was used and not billed is billed, what was billed and not used
is credited as it was paid, and the next period's fee is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from tests.independent.charges import fee, suffix
from tests.independent.documents import Catalog, Document
from tests.independent.instants import Span, overlap, seconds
from tests.independent.numbers import digits
from tests.independent.parts import Part, parts_of
from tests.independent.rating import Charge


@dataclass(frozen=True)
class Advance:
    """A fee that was billed for a stretch to come; `paid` is what discounts left of it."""

    charge: Charge
    paid: int


def in_advance(catalog: Catalog, subscription: Document, period: Span, whole: Span) -> list[Part]:
    return [
        part
        for part in parts_of(catalog, subscription, period, whole)
        if part.price.get("timing", "arrears") == "advance"
    ]


def without(span: Span, taken: Sequence[Span]) -> list[Span]:
    """What of a stretch none of the others covers."""
    left = [span]
    for other in taken:
        pieces = []
        for piece in left:
            common = overlap(piece, other)
            if common is None:
                pieces.append(piece)
            else:
                pieces += [(piece[0], common[0]), (common[1], piece[1])]
        left = [piece for piece in pieces if piece[0] < piece[1]]
    return left


def owed(
    subscription: Document, parts: Sequence[Part], billed: Sequence[Advance], invoiced: Span, *, zone: str
) -> list[tuple[tuple[int, ...], Charge]]:
    """Used and not billed: with the place of the part among the lines."""
    found = []
    for part in parts:
        paid = [each.charge.part for each in billed if _same(each.charge.price, part.price)]
        for span in without(part.span, paid):
            found.append((part.place, fee(subscription, replace(part, span=span), invoiced, zone=zone)))
    return found


def unused(parts: Sequence[Part], billed: Sequence[Advance], invoiced: Span, *, zone: str) -> list[Charge]:
    """Billed and not used."""
    found = []
    for advance in billed:
        charge = advance.charge
        used = [part.span for part in parts if _same(part.price, charge.price)]
        paid = Fraction(advance.paid, 10 ** digits(charge.price["currency"]))
        for span in without(charge.part, used):
            share = Fraction(seconds(span), seconds(charge.part))
            words = f"{charge.price['description']}, unused part{suffix(span, invoiced, zone)}"
            found.append(replace(charge, part=span, amount=-paid * share, words=words, kind="unused fee"))
    return found


def _same(one: Document, other: Document) -> bool:
    """Of one version: a fee at a wrong price is not the fee at the right one."""
    return (one["key"], one.get("version", 1)) == (other["key"], other.get("version", 1))


def ahead(
    catalog: Catalog, subscription: Document, following: Span, whole: Span, invoiced: Span, *, zone: str
) -> list[Charge]:
    parts = in_advance(catalog, subscription, following, whole)
    return [replace(fee(subscription, part, invoiced, zone=zone), kind="fee ahead") for part in parts]
