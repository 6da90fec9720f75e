"""What crosses periods, for one draft: fees in advance, commitments, credits, from the movements before it.

One close may draft several periods of a customer; each starts from what the drafts before it move. Where an
earlier one is stopped, a later one that moves balances waits: it would start from the wrong ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tieout.balance.commitment import recorded_as
from tieout.balance.fee import ADVANCE, open_fees
from tieout.balance.movement import Movement, MovementKind
from tieout.balance.reversal import standing_movements
from tieout.close.calendar import calendar_of
from tieout.close.commitments import Committed, commitments_due
from tieout.close.credits import pay_with_credits
from tieout.close.fees import Fees, fee_movements, fees_due, in_advance
from tieout.close.outcome import Parked
from tieout.close.segments import Segment, segments
from tieout.contract.catalog import Catalog
from tieout.correction.carried import sealed_with
from tieout.flows.due_accounts import DueAccount
from tieout.invoice.contained import contained_taxes
from tieout.invoice.deferred import with_contained
from tieout.invoice.invoice import KIND_FINAL, Invoice
from tieout.kernel.ids import CustomerId, SubscriptionId
from tieout.kernel.period import Period
from tieout.rate.charge import Charge

WAITS = Parked(
    "an earlier period of this customer is not closed, and its balances go from one period to the next",
    "settle the earlier period, then run the close again; nothing was billed for this period",
)


@dataclass(slots=True)
class BalanceChain:
    """The movements that are recorded, and those of drafts of this close, by customer."""

    recorded: Mapping[CustomerId, tuple[Movement, ...]]
    drafted: dict[CustomerId, list[Movement]] = field(default_factory=dict)
    stopped: set[CustomerId] = field(default_factory=set)

    def opening(self, customer: CustomerId) -> tuple[Movement, ...]:
        """What stands of them: without what a voided paper moved."""
        return standing_movements(self._all(customer))

    def seen(self, customer: CustomerId) -> int:
        """How many there are, reversed ones too."""
        return len(self._all(customer))

    def _all(self, customer: CustomerId) -> tuple[Movement, ...]:
        return (*self.recorded.get(customer, ()), *self.drafted.get(customer, ()))

    def moves(self, customer: CustomerId, moved: Sequence[Movement]) -> None:
        self.drafted.setdefault(customer, []).extend(moved)

    def waits(self, customer: CustomerId, moved: Sequence[Movement]) -> bool:
        """Whether this draft must wait for an earlier one of the customer."""
        return customer in self.stopped and bool(moved or self.opening(customer))


def open_advances(
    recorded: Mapping[CustomerId, tuple[Movement, ...]],
) -> dict[SubscriptionId, list[Period]]:
    """The periods whose fees were billed in advance and are neither earned nor credited, by subscription."""
    found: dict[SubscriptionId, list[Period]] = {}
    for movements in map(standing_movements, recorded.values()):
        billed = {each.account for each in movements if each.kind is MovementKind.BILLED}
        for subscription in sorted(SubscriptionId(each.removeprefix(ADVANCE)) for each in billed):
            found[subscription] = [fee.period for fee in open_fees(movements, subscription)]
    return found


def bills_ahead(catalog: Catalog) -> bool:
    """Whether any price is a fee in advance: otherwise nobody needs to look at the period to come."""
    return any(in_advance(price) for price in catalog.prices)


def fees_ahead(catalog: Catalog, account: DueAccount) -> list[Segment]:
    """The segments of fees in advance of each subscription's next period, as far as it is agreed now."""
    found: list[Segment] = []
    for subscription in account.subscriptions:
        coming = calendar_of(catalog, subscription, account.defaults).after(account.period.end)
        found += [
            each
            for each in segments(catalog, subscription, coming.whole, coming.period)
            if in_advance(each.price)
        ]
    return found


def fees_of(
    catalog: Catalog, account: DueAccount, found: Sequence[Segment], opening: Sequence[Movement]
) -> Fees:
    """The account's fees in advance, settled with those that were billed before."""
    cut = {
        subscription.key
        for subscription, whole in zip(account.subscriptions, account.wholes, strict=True)
        if account.kind == KIND_FINAL and account.period.end < whole.end
    }
    return fees_due(catalog, account.subscriptions, found, opening, account.period, cut)


def committed_by(
    account: DueAccount, rated: Sequence[Charge], opening: Sequence[Movement]
) -> list[Committed]:
    """What the commitments of the account's subscriptions add to the period."""
    return [
        found
        for subscription, whole in zip(account.subscriptions, account.wholes, strict=True)
        for found in commitments_due(
            subscription,
            [charge for charge in rated if charge.subscription == subscription.key],
            opening,
            whole=whole,
            period=account.period,
        )
    ]


def corrected_movements(movements: Sequence[Movement], invoice: Invoice) -> list[Movement]:
    """What corrections move, on the paper that carries them."""
    return [sealed_with(each, invoice.id, at=invoice.counts_at) for each in movements]


def moved_by(
    invoice: Invoice,
    fees: Fees,
    commitments: Sequence[Committed],
    opening: Sequence[Movement],
    *,
    corrected: Sequence[Movement] = (),
) -> tuple[Invoice, tuple[Movement, ...]]:
    """The invoice as credits pay for it, and every movement that is sealed with it: what the corrections that
    it carries move too, which `opening` does not know yet."""
    at = invoice.counts_at
    moved = fee_movements(fees, invoice, at=at)
    moved += [
        recorded_as(each, found.account, invoice.key.customer, invoice.currency, invoice.id, at)
        for found in commitments
        for each in found.moved
    ]
    paid, burned = pay_with_credits(invoice, (*opening, *corrected))
    together = (*corrected_movements(corrected, invoice), *moved, *burned)
    return paid, with_contained(invoice, contained_taxes(invoice), together, opening)
