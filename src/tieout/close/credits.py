"""Prepaid credits at the close: they pay the total of an invoice, after discounts and taxes, as far as they
reach.

What counts is what a customer holds at the last instant of the period, or when a running one is billed: a
grant that expires before pays nothing of it, one that expires with it still does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tieout.balance.burn import Payable, burn, used
from tieout.balance.grant import due_expiries, held_grants
from tieout.balance.movement import Movement
from tieout.balance.top_up import top_up_request
from tieout.invoice.amounts import CreditUsed
from tieout.invoice.discounts import net_amounts
from tieout.invoice.invoice import Invoice
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period


def counts_at(period: Period) -> Instant:
    """When the movements of a period's final invoice take effect: its last instant."""
    return period.last_instant


def pay_with_credits(invoice: Invoice, opening: Sequence[Movement]) -> tuple[Invoice, list[Movement]]:
    """The invoice with the credits that pay for it; what they, their expiry and a top-up move."""
    if not opening and invoice.customer.top_up is None:
        return invoice, []
    at = invoice.counts_at
    expired = due_expiries(opening, at=at)
    net = net_amounts(invoice.lines, invoice.discounts)
    payables = [Payable(line.price, line.charge.plan, net[line.id].minor) for line in invoice.lines]
    burned = burn(held_grants([*opening, *expired]), payables, invoice.total, at=at)
    moved = [*expired, *used(burned, invoice.id, at=at)]
    rule = invoice.customer.top_up
    if rule is not None:
        request = top_up_request(
            rule,
            [*opening, *moved],
            customer=invoice.key.customer,
            currency=invoice.currency,
            invoice=invoice.id,
            at=at,
        )
        moved += [] if request is None else [request]
    credits_ = tuple(CreditUsed(each.grant.account, each.text, each.amount) for each in burned)
    return replace(invoice, credits=credits_), moved
