"""Burn-down: which grants pay for an invoice, in which order, and never more than there is.

Order, each rule deciding only where those before it leave a tie: the stated priority, since somebody
decided it; the earliest expiry, so that as little as possible is lost to the customer; promotional before
paid, since what was bought can be asked back; the oldest; the id, so that there is an order in any case.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tieout.balance.grant import Grant, GrantKind, HeldGrant, held_grants
from tieout.balance.movement import Movement, MovementKind
from tieout.kernel.ids import InvoiceId, PlanKey, PriceKey
from tieout.kernel.instant import INSTANT_MAX, Instant, format_instant
from tieout.kernel.money import Money


@dataclass(frozen=True, slots=True)
class Payable:
    """A line that grants may pay for; a negative one lessens what they may."""

    price: PriceKey
    plan: PlanKey
    minor: int


@dataclass(frozen=True, slots=True)
class Burned:
    """What one grant pays; positive."""

    grant: Grant
    amount: Money

    @property
    def text(self) -> str:
        """As the invoice says it."""
        words = f"{self.grant.kind.value.capitalize()} credit {self.grant.id}"
        if self.grant.expires_at is None:
            return words
        return f"{words}, expires {format_instant(self.grant.expires_at)}"


def burn_order(grant: Grant) -> tuple[int, int, int, int, str]:
    """Sorts grants as they burn down."""
    expires_at = INSTANT_MAX + 1 if grant.expires_at is None else grant.expires_at
    paid_last = 1 if grant.kind is GrantKind.PAID else 0
    return grant.priority, expires_at, paid_last, grant.effective_at, grant.id


def burn(
    held: Iterable[HeldGrant], payables: Sequence[Payable], total: Money, *, at: Instant
) -> list[Burned]:
    """Who pays how much of `total` at `at`: only grants in its currency that are usable then.

    A restricted grant pays at most what its lines sum to, after discounts and without taxes that are added. A
    total that is zero or below burns nothing.
    """
    rest = total.minor
    paid = [0] * len(payables)
    burned: list[Burned] = []
    usable = [
        each
        for each in held
        if each.left > 0 and each.grant.amount.currency == total.currency and each.grant.usable_at(at)
    ]
    for each in sorted(usable, key=lambda each: burn_order(each.grant)):
        amount = min(each.left, rest)
        if each.grant.restricted:
            places = [
                place for place, line in enumerate(payables) if each.grant.pays_for(line.price, line.plan)
            ]
            amount = min(amount, sum(payables[place].minor - paid[place] for place in places))
            _spread(amount, places, payables, paid)
        if amount > 0:
            burned.append(Burned(each.grant, Money(amount, total.currency)))
            rest -= amount
    return burned


def used(burned: Sequence[Burned], invoice: InvoiceId, *, at: Instant) -> list[Movement]:
    """The movements by which grants pay for the invoice; their ids keep the order in which they burned."""
    return [_used(each, place, invoice, at) for place, each in enumerate(burned, start=1)]


def _used(burned: Burned, place: int, invoice: InvoiceId, at: Instant) -> Movement:
    return Movement(
        id=f"used/{invoice}/{place:04d}/{burned.grant.id}",
        customer=burned.grant.customer,
        account=burned.grant.account,
        kind=MovementKind.USED,
        amount=-burned.amount,
        effective_at=at,
        reason=f"paid for invoice {invoice}",
        invoice=invoice,
    )


def _spread(amount: int, places: Sequence[int], payables: Sequence[Payable], paid: list[int]) -> None:
    """Notes on which lines a restricted grant was spent, so that a second one does not pay them again."""
    for place in places:
        part = min(amount, payables[place].minor - paid[place])
        if part > 0:
            paid[place] += part
            amount -= part


def usable_minor(movements: Iterable[Movement], *, currency: str, at: Instant) -> int:
    """What all grants of the currency that are usable at `at` hold together."""
    return sum(
        each.left
        for each in held_grants(movements)
        if each.grant.amount.currency.code == currency and each.grant.usable_at(at)
    )
