"""Where the commitments of subscriptions stand, from recorded movements."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.balance.commitment import METERED, account_of
from tieout.balance.movement import Movement, MovementKind, balance
from tieout.close.commitments import term_end
from tieout.contract.subscription import Commitment
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.home import Home
from tieout.kernel.errors import NotFound, shown
from tieout.kernel.ids import CustomerId, SubscriptionId
from tieout.kernel.instant import Instant
from tieout.kernel.money import Money, currency


@dataclass(frozen=True, slots=True)
class CommitmentView:
    """One commitment as sealed invoices left it: `metered` usage of the term, `drawn` and what is `left`."""

    customer: CustomerId
    subscription: SubscriptionId
    commitment: Commitment
    ends_at: Instant
    committed: Money
    metered: Money
    drawn: Money
    left: Money
    movements: tuple[Movement, ...]


def commitments(home: Home, subscription: str | None = None) -> tuple[CommitmentView, ...]:
    """Of one subscription or of all, in the order of the catalog. Raises `NotFound`."""
    catalog = load_catalog(home)
    if subscription is not None and subscription not in catalog.subscriptions:
        raise NotFound(
            f"There is no subscription {shown(subscription)} here; `tieout subscription list` shows all."
        )
    keys = catalog.subscriptions.keys if subscription is None else (subscription,)
    latest = [found for key in keys if (found := catalog.subscriptions.latest(key)) is not None]
    recorded = home.books.movements.of(sorted({each.customer for each in latest if each.commitments}))
    views = []
    for each in latest:
        unit = currency(catalog.customers.versions(each.customer)[-1].currency)
        for commitment in each.commitments:
            account = account_of(each.key, commitment.key)
            ours = tuple(
                one for one in recorded.get(each.customer, ()) if one.account.removesuffix(METERED) == account
            )
            views.append(
                CommitmentView(
                    each.customer,
                    each.key,
                    commitment,
                    term_end(each, commitment),
                    Money(_sum(ours, MovementKind.COMMITTED), unit),
                    Money(balance(ours, account + METERED), unit),
                    Money(-_sum(ours, MovementKind.DRAWN), unit),
                    Money(balance(ours, account), unit),
                    ours,
                )
            )
    return tuple(views)


def _sum(movements: tuple[Movement, ...], kind: MovementKind) -> int:
    return sum(each.amount.minor for each in movements if each.kind is kind)
