"""What sealed papers gave of coupons, line by line, as their documents say."""

from __future__ import annotations

import json
from collections.abc import Iterable

from tieout.evidence.stored import StoredInvoice
from tieout.kernel.ids import LineId
from tieout.kernel.money import Money, currency, zero


def coupons_named(papers: Iterable[StoredInvoice]) -> tuple[tuple[str, int], ...]:
    """The coupons that they name, each in the version that the last of them has, by key."""
    found: dict[str, int] = {}
    for paper in papers:
        for discount in json.loads(paper.document).get("discounts", ()):
            found[discount["coupon"]] = int(discount["coupon_version"])
    return tuple(sorted(found.items()))


def coupons_given(papers: Iterable[StoredInvoice]) -> dict[tuple[str, LineId], Money]:
    """By coupon and line, below zero where it took off; papers come with their documents."""
    given: dict[tuple[str, LineId], Money] = {}
    for paper in papers:
        unit = currency(paper.currency)
        for discount in json.loads(paper.document).get("discounts", ()):
            for share in discount["shares"]:
                key = discount["coupon"], LineId(share["line"])
                given[key] = given.get(key, zero(unit)) + Money.read(share["amount"], unit)
    return given
