"""What the level of readiness lets a close do: while it is narrow, only the accounts of its list are billed,
at the end of their periods. Everybody else is told as not due, with the reason; nobody is left out (L15)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from tieout.close.account import AccountOutcome
from tieout.close.outcome import NotDue
from tieout.flows.due_accounts import Agenda, DueAccount
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import HOUR_MICROSECONDS, Instant
from tieout.readiness.level import RecordedLevel

NARROW: Final = "readiness: narrow, and the account is not on its list"
NO_INTERIMS: Final = "readiness: narrow, so nothing is billed before a period ends"


def bills_inside(level: RecordedLevel | None) -> bool:
    return level is None or level.bills_inside


def billed_at(level: RecordedLevel | None, customers: Sequence[CustomerId]) -> tuple[CustomerId, ...]:
    """Those of them that may be billed."""
    return tuple(each for each in customers if level is None or level.bills(each))


def within_level(level: RecordedLevel | None, plan: Agenda) -> Agenda:
    """The same agenda where everything is open; else with what is kept back told as not due."""
    if level is None or level.bills_inside:
        return plan
    due = tuple(each for each in plan.due if each.running is None and level.bills(each.customer))
    kept = list(_kept_back(level, plan.due))
    named = {each.customer for each in kept}
    told = [
        each
        if level.bills(each.customer)
        else AccountOutcome(each.customer, each.period, NotDue(_due_at(each), NARROW))
        for each in plan.outcomes
        if not (each.period is None and each.customer in named)
    ]
    return Agenda(due, (*told, *kept))


def kept_back(level: RecordedLevel | None, account: DueAccount) -> NotDue | None:
    """Why it is not billed now; None where it may be."""
    grace = account.policy.policy.grace_hours * HOUR_MICROSECONDS
    at = Instant(account.period.end + grace)
    if not billed_at(level, [account.customer]):
        return NotDue(at, NARROW)
    if account.running is not None and not bills_inside(level):
        return NotDue(at, NO_INTERIMS)
    return None


def _kept_back(level: RecordedLevel, due: Sequence[DueAccount]) -> Iterator[AccountOutcome]:
    for each in due:
        outcome = kept_back(level, each)
        if outcome is not None:
            yield AccountOutcome(each.customer, each.period, outcome)


def _due_at(account: AccountOutcome) -> Instant | None:
    return account.outcome.due_at if isinstance(account.outcome, NotDue) else None
