"""Taxes that the prices contain, line by line: a line earns its amount after discounts, less these."""

from __future__ import annotations

from collections.abc import Mapping

from tieout.invoice.discounts import net_amounts
from tieout.invoice.invoice import Invoice
from tieout.kernel.ids import LineId

NOTHING_CONTAINED: Mapping[LineId, int] = {}


def contained_taxes(invoice: Invoice) -> Mapping[LineId, int]:
    """Minor units of inclusive tax in each line that has any.

    Each tax is shared out among its lines in proportion to what they come to after discounts, whatever their
    signs, and adds up exactly: shares are floored, and the units left over go to the largest cut-off parts,
    ties to the earlier.
    """
    rows = [tax for tax in invoice.taxes if tax.inclusive and tax.amount.minor]
    if not rows:
        return NOTHING_CONTAINED
    net = net_amounts(invoice.lines, invoice.discounts)
    found: dict[LineId, int] = {}
    for tax in rows:
        weights = [net[line].minor for line in tax.lines]
        for line, share in zip(tax.lines, shared(tax.amount.minor, weights), strict=True):
            found[line] = found.get(line, 0) + share
    return found


def shared(total: int, weights: list[int]) -> list[int]:
    """`total` in proportion to weights of any sign, which may not come to zero."""
    whole = sum(weights)
    assert whole, "a tax on nothing is nothing"
    cut = [divmod(total * weight, whole) for weight in weights]  # a remainder has the sign of `whole`
    shares = [floor for floor, _ in cut]
    sign = 1 if whole > 0 else -1
    by_remainder = sorted(range(len(cut)), key=lambda place: (-sign * cut[place][1], place))
    for place in by_remainder[: total - sum(shares)]:
        shares[place] += 1
    return shares
