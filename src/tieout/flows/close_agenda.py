"""All that a close looks at: periods that ended, and those that run where the signed policy says so."""

from __future__ import annotations

from collections.abc import Mapping

from tieout.balance.movement import Movement
from tieout.contract.catalog import Catalog
from tieout.flows.draft_balances import open_advances
from tieout.flows.due_accounts import Agenda, agenda
from tieout.flows.home import Home
from tieout.flows.interim_accounts import (
    after_interims,
    interims_of,
    running_accounts,
    waiting_customers,
)
from tieout.flows.policy import policies
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant


def close_agenda(
    home: Home,
    catalog: Catalog,
    customers: tuple[CustomerId, ...],
    recorded: Mapping[CustomerId, tuple[Movement, ...]],
    *,
    as_of: Instant,
) -> Agenda:
    """Accounts whose period runs stand behind the due ones; most of them will not be billed."""
    signed = policies(home)
    billed = home.books.invoices.billed()
    interims = interims_of(home, signed, customers)
    plan = agenda(catalog, signed, billed, customers=customers, as_of=as_of, advanced=open_advances(recorded))
    running, unknown = running_accounts(
        catalog,
        signed,
        billed,
        interims,
        customers=customers,
        as_of=as_of,
        waiting=waiting_customers(plan.outcomes, recorded),
    )
    due = (after_interims(account, interims) for account in plan.due)
    return Agenda((*due, *running), (*plan.outcomes, *unknown))
