"""A line's shares of the discounts of its invoice, as the sealed document says them.

A trace reproduces the line; what the invoice's discounts take off it is shown beside it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256

from tieout.evidence.stored import StoredInvoice
from tieout.kernel.ids import LineId


@dataclass(frozen=True, slots=True)
class DiscountShare:
    """`amount` is zero or negative, a text in the invoice's currency."""

    name: str
    coupon: str
    coupon_version: int
    amount: str


def discount_shares(invoice: StoredInvoice, line: LineId) -> tuple[DiscountShare, ...]:
    """In the order of the discounts. None where the document is not the one that was sealed, which is a
    difference of the trace, or of a format that knew no discounts."""
    if sha256(invoice.document).hexdigest() != invoice.sha256:
        return ()
    return tuple(
        DiscountShare(discount["name"], discount["coupon"], discount["coupon_version"], share["amount"])
        for discount in json.loads(invoice.document).get("discounts", ())
        for share in discount["shares"]
        if share["line"] == line
    )
