"""Automatic top-up: once credits that had reached the threshold fall below it, one request is recorded.

A request moves no money: nothing is granted until somebody (a person, a payment system) says that it was
paid, with `tieout wallet grant --id` and the request's id, which can happen once. It is made again only
after the balance has been at the threshold or above.
"""

from __future__ import annotations

from collections.abc import Sequence

from tieout.balance.burn import usable_minor
from tieout.balance.grant import due_expiries
from tieout.balance.movement import Movement, MovementKind, in_order
from tieout.contract.party import TopUp
from tieout.kernel.canonical import JsonNumber, canonical_json
from tieout.kernel.ids import CustomerId, InvoiceId
from tieout.kernel.instant import Instant
from tieout.kernel.money import Currency, Money, zero
from tieout.kernel.rounding import Rounding, settle

TOP_UPS = "top-up/"


def top_up_request(
    rule: TopUp,
    movements: Sequence[Movement],
    *,
    customer: CustomerId,
    currency: Currency,
    invoice: InvoiceId,
    at: Instant,
) -> Movement | None:
    """The request that the balance at `at` calls for, or None. `movements` hold those of the invoice
    already."""
    threshold = settle(rule.threshold, currency, Rounding.UP)
    amount = settle(rule.amount, currency, Rounding.UP)
    account = f"{TOP_UPS}{customer}"
    here = balance_at(movements, currency=currency.code, at=at)
    requests = [each for each in movements if each.account == account and each.effective_at <= at]
    if here >= threshold.minor:
        return None
    if requests and not _recovered(movements, requests[-1].effective_at, threshold, at=at):
        return None
    return Movement(
        id=f"{account}/{invoice}",
        customer=customer,
        account=account,
        kind=MovementKind.TOP_UP_REQUESTED,
        amount=zero(currency),
        effective_at=at,
        reason=f"credits of {Money(here, currency)} are below {threshold}: {amount} wanted",
        invoice=invoice,
        details=canonical_json(
            {
                "amount_minor": JsonNumber(str(amount.minor)),
                "threshold_minor": JsonNumber(str(threshold.minor)),
            }
        ),
    )


def balance_at(movements: Sequence[Movement], *, currency: str, at: Instant) -> int:
    """Usable credits of a currency as they stood at `at`, in minor units."""
    then = [each for each in movements if each.effective_at <= at]
    return usable_minor([*then, *due_expiries(then, at=at)], currency=currency, at=at)


def _recovered(movements: Sequence[Movement], since: Instant, threshold: Money, *, at: Instant) -> bool:
    """Whether the balance has been at the threshold at some instant after `since`; it rises by grants
    only."""
    rises = [
        each.effective_at
        for each in in_order(movements)
        if each.kind is MovementKind.GRANTED and since < each.effective_at <= at
    ]
    return any(
        balance_at(movements, currency=threshold.currency.code, at=rise) >= threshold.minor for rise in rises
    )
