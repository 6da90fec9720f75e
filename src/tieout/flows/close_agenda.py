"""All that a close looks at: periods that ended, and those that run where the signed policy says so."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from tieout.balance.movement import Movement
from tieout.close.account import AccountOutcome
from tieout.close.outcome import NotDue
from tieout.contract.catalog import Catalog
from tieout.flows.billed_of import billed_of
from tieout.flows.draft_balances import open_advances
from tieout.flows.due_accounts import Agenda, DueAccount, agenda
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
from tieout.kernel.period import Period


def close_agenda(
    home: Home,
    catalog: Catalog,
    customers: tuple[CustomerId, ...],
    recorded: Mapping[CustomerId, tuple[Movement, ...]],
    *,
    as_of: Instant,
    inside: Period | None = None,
) -> Agenda:
    """Accounts whose period runs stand behind the due ones; most of them will not be billed. With `inside`,
    only those whose running period touches it, and what they wait for."""
    signed = policies(home)
    billed = billed_of(home, catalog, customers)
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
    if inside is not None:
        return _inside(inside, plan, running, unknown, recorded)
    due = (after_interims(account, interims) for account in plan.due)
    return Agenda((*due, *running), (*plan.outcomes, *unknown))


def _inside(
    period: Period,
    plan: Agenda,
    running: Sequence[DueAccount],
    unknown: Sequence[AccountOutcome],
    moved: Collection[CustomerId],
) -> Agenda:
    """Periods that ended are left to their own close. Who has balances waits for it, since they go
    on from there."""
    before = [
        AccountOutcome(account.customer, account.period, NotDue(account.period.end))
        for account in plan.due
        if account.customer in moved
    ]
    before += [
        each
        for each in plan.outcomes
        if each.period is not None and isinstance(each.outcome, NotDue) and each.customer in moved
    ]
    waits = {each.customer for each in before}
    due = (each for each in running if each.period.overlaps(period) and each.customer not in waits)
    return Agenda(tuple(due), (*before, *unknown))
