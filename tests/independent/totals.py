"""From lines to the total: coupons and taxes that hold at the last instant of the period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from tests.independent.calendar_days import period_holding
from tests.independent.documents import Catalog, Document
from tests.independent.instants import Span, instant
from tests.independent.numbers import digits, minor, money_text, shared
from tests.independent.rating import Charge
from tests.independent.shapes import number

Printed = dict[str, Any]


@dataclass
class Line:
    """`amount` in minor units, and what is left of it after discounts."""

    charge: Charge
    amount: int
    quantity: Fraction
    earlier: list[Printed] = field(default_factory=list)
    correction: Printed | None = None
    left: int = 0
    before: list[Line] = field(default_factory=list)
    """The lines that asked for part of it before."""
    given: dict[str, int] = field(default_factory=dict)
    """What it bears of each coupon, above zero where it is taken off."""
    credited: int = 0
    """What was given back of it by credits."""
    corrects: Span | None = None
    """The sealed period that is billed again."""
    taxes: list[Document] | None = None
    """Those of the period that is corrected; None: those of the paper."""
    tax_reason: str | None = None


def discounts(
    catalog: Catalog,
    customer: Document,
    subscriptions: Sequence[Document],
    lines: Sequence[Line],
    period: Span,
    calendar: dict[str, Any],
    *,
    sums: bool = True,
    corrected: bool = False,
) -> list[Printed]:
    """Percents, then sums, by the instant of attachment, each on what is left. Lines keep what is left, and
    what they bear. `lines` may be all of a corrected period: those that change nothing get no share."""
    uses: list[tuple[bool, int, Document, str | None]] = []
    for owner, only in [(customer, None), *((each, each["key"]) for each in subscriptions)]:
        for use in owner.get("coupon", []):
            coupon = catalog.at("coupon", use["coupon"], instant(use["from"]))
            if holds(coupon, use, period, calendar):
                uses.append(("amount" in coupon, instant(use["from"]), coupon, only))
    in_all = {id(line): line.amount + sum(each.amount for each in line.before) for line in lines}
    found = []
    for is_sum, _, coupon, only in sorted(uses, key=lambda use: (use[0], use[1])):
        mine = [line for line in lines if _is_for(coupon, line, only, corrected=corrected)]
        if mine and (sums or not is_sum):
            found.append(_discount(coupon, mine, in_all, fixed=corrected))
    return found + ([] if corrected else _taken_back(lines, in_all))


def _taken_back(lines: Sequence[Line], in_all: dict[int, int]) -> list[Printed]:
    """What earlier papers of the period gave of a coupon that holds no more."""
    found = []
    for key in sorted({key for line in lines for each in line.before for key in each.given}):
        mine = [line for line in lines if key not in line.given]
        had = [(line, sum(each.given.get(key, 0) for each in line.before)) for line in mine]
        had = [(line, share) for line, share in had if share]
        for line, share in had:
            line.left += share
            line.given[key] = -share
        if had:
            currency = had[0][0].charge.price["currency"]
            found.append(
                {
                    "coupon": key,
                    "base": money_text(sum(in_all[id(line)] for line, _ in had), currency),
                    "amount": money_text(sum(share for _, share in had), currency),
                    "shares": [money_text(share, currency) for _, share in had],
                }
            )
    return found


def holds(coupon: Document, use: Document, period: Span, calendar: dict[str, Any]) -> bool:
    start, last = instant(use["from"]), period[1] - 1
    if start > last or ("until" in use and last >= instant(use["until"])):
        return False
    if "until" in coupon:
        return last < instant(coupon["until"])
    if "periods" not in coupon:
        return True
    count, at = 0, start
    while at <= last:
        at, count = period_holding(at, **calendar)[1], count + 1
    return bool(count <= coupon["periods"])


def _is_for(coupon: Document, line: Line, only: str | None, *, corrected: bool) -> bool:
    charge, scope = line.charge, coupon.get("applies_to")
    if (
        (line.corrects is not None and not corrected)
        or charge.kind in ("unused fee", "manual")
        or (only and charge.subscription != only)
    ):
        return False
    return scope is None or (
        charge.price["key"] in scope.get("prices", [])
        or charge.plan in scope.get("plans", [])
        or charge.program in scope.get("programs", [])
    )


def _discount(coupon: Document, lines: list[Line], in_all: dict[int, int], *, fixed: bool) -> Printed:
    """On what the lines come to with those before them, less what those bore."""
    currency = lines[0].charge.price["currency"]
    base = sum(in_all[id(line)] for line in lines)
    offered = (
        minor(Fraction(max(base, 0), 10 ** digits(currency)) * number(coupon, "percent") / 100, currency)
        if "percent" in coupon
        else minor(number(coupon, "amount"), currency)
    )
    weights = [max(0, in_all[id(line)]) for line in lines]
    parts = shared(min(offered, max(base, 0)), weights)
    before = [sum(each.given.get(coupon["key"], 0) for each in line.before) for line in lines]
    if fixed:
        parts = _fees_as_they_were(lines, parts, before, weights)
    more = [part - had for part, had in zip(parts, before, strict=True)]
    for line, part, bears in zip(lines, parts, more, strict=True):
        in_all[id(line)] -= part
        line.left -= bears
        line.given[coupon["key"]] = bears
    unused = max(offered - sum(parts), 0)
    return {
        "coupon": coupon["key"],
        "base": money_text(base, currency),
        "amount": money_text(-sum(more), currency),
        "shares": [money_text(-bears, currency) for bears in more],
        **({"unused": money_text(unused, currency)} if unused else {}),
    }


def _fees_as_they_were(
    lines: list[Line], parts: list[int], before: list[int], weights: list[int]
) -> list[int]:
    """What a fee in advance bore it bears; the other lines bear what that leaves, as far as they reach."""
    fee = [line.charge.price.get("timing") == "advance" for line in lines]
    off = sum(part - had for part, had, is_fee in zip(parts, before, fee, strict=True) if is_fee)
    room = [
        0 if is_fee else weight - part if off > 0 else part
        for part, weight, is_fee in zip(parts, weights, fee, strict=True)
    ]
    moved = shared(min(abs(off), sum(room)), room)
    return [
        had if is_fee else part + (move if off > 0 else -move)
        for part, had, is_fee, move in zip(parts, before, fee, moved, strict=True)
    ]


def tax_list(catalog: Catalog, customer: Document, seller: Document, period: Span) -> list[Document]:
    """The customer's list, else the seller's, at the rates that hold at the last instant of the period."""
    keys = customer.get("taxes", seller.get("taxes", []))
    return [catalog.at("tax", key, period[1] - 1) for key in keys]


def set_aside(customer: Document) -> str | None:
    if customer.get("reverse_charge", False):
        return f"Reverse charge: the customer owes the tax (tax id {customer['tax_id']})"
    return f"Exempt: {customer['tax_exempt']}" if "tax_exempt" in customer else None


def taxes(listed: Sequence[Document], lines: Sequence[Line], reason: str | None) -> tuple[list[Printed], int]:
    """Each tax once on the sum of its lines; and what they add to the total."""
    found, before, added = [], [], 0
    currency = lines[0].charge.price["currency"] if lines else ""
    for tax in listed:
        mine = [line for line in lines if _taxed(tax, line)]
        if not mine:
            continue
        base = sum(line.left for line in mine)
        percent = Fraction(0) if reason else number(tax, "percent")
        rule = tax.get("rounding", "half_away_from_zero")
        inclusive = bool(tax.get("inclusive", False)) and not reason
        if tax.get("compound", False):
            base += sum(before)
        exact = Fraction(base, 10 ** digits(currency)) * percent
        amount = minor(exact / (100 + percent if inclusive else 100), currency, rule)
        before.append(amount)
        added += 0 if inclusive else amount
        found.append(
            {
                "name": tax["name"],
                "percent": "0" if reason else str(tax["percent"]),
                "base": money_text(base - amount if inclusive else base, currency),
                "amount": money_text(amount, currency),
                **({"inclusive": True} if inclusive else {}),
                **({"note": reason} if reason else {}),
            }
        )
    return found, added


def _taxed(tax: Document, line: Line) -> bool:
    categories = tax.get("categories", [])
    return not categories or line.charge.price.get("tax_category", "standard") in categories
