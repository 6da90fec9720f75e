"""Keep closing: what a process beside the servers does all day, so that nobody has to run the close.

It closes as the signed policies say and no sooner: what is newly due, drafts that may be sealed, and now
and then again what is held or parked. One process does so at a time, on whichever machine, under a lease that
lies where the books lie; should two do it all the same, the unique keys of the books let one of them seal
(L11). Killed at any step, the next one goes on.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from tieout.close.outcome import NotDue, OutcomeName, Parked, outcome_name
from tieout.contract.catalog import Catalog
from tieout.contract.policy import LatePath
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.billed_of import billed_of
from tieout.flows.close_periods import CloseReport, close
from tieout.flows.draft_balances import open_advances
from tieout.flows.due_accounts import agenda
from tieout.flows.home import Home
from tieout.flows.manual_lines import with_manual_lines
from tieout.flows.policy import PolicyState, policies
from tieout.flows.readiness_level import within_level
from tieout.flows.review_drafts import look
from tieout.kernel.errors import TieoutError, Unavailable
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant
from tieout.ports import Lease

POLL_SECONDS: Final = 5
"""So often it is looked whether an instant has come or anybody has decided anything; that costs a few
counts."""
AGAIN_SECONDS: Final = 900
"""So often accounts that are held or parked are tried again, and everything is looked at anew."""
STAND_BY_SECONDS: Final = 5
WAKE_NANOSECONDS: Final = 200_000_000
NANOSECONDS: Final = 1_000_000_000

Pulse = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ClosingRound:
    """One look: what a close did, if there was anything to do; or why it could not be done."""

    report: CloseReport | None = None
    failure: TieoutError | None = None

    @property
    def counts(self) -> dict[str, int]:
        """Accounts by outcome, without those that are not due."""
        outcomes = () if self.report is None else self.report.outcomes
        named = (outcome_name(outcome) for _, _, outcome in outcomes)
        return dict(sorted(Counter(name.value for name in named if name is not OutcomeName.NOT_DUE).items()))

    @property
    def parked(self) -> tuple[tuple[CustomerId, str], ...]:
        outcomes = () if self.report is None else self.report.outcomes
        return tuple(
            (customer, outcome.reason) for customer, _, outcome in outcomes if isinstance(outcome, Parked)
        )


@dataclass(frozen=True, slots=True)
class Work:
    """Whom to close now, and when something is due next, as far as anybody can tell."""

    customers: tuple[CustomerId, ...]
    next_at: Instant | None


@dataclass(slots=True)
class _Memory:
    """Why a look may be skipped: nothing was decided since, and the next instant has not come."""

    pulse: Pulse | None = None
    next_at: Instant | None = None
    again_at: int = field(default=0)


def keep_closing(
    home: Home,
    *,
    stop: Callable[[], bool],
    told: Callable[[ClosingRound], None],
    poll_seconds: int = POLL_SECONDS,
    again_seconds: int = AGAIN_SECONDS,
) -> None:
    """Closes until `stop` says so; `told` hears of every close and of every failure, which is tried again."""
    while not stop():
        try:
            with home.books.closes.running() as lease:
                if lease is not None:
                    _close_what_comes(home, lease, stop, told, poll_seconds, again_seconds)
        except Unavailable as error:
            told(ClosingRound(failure=error))
        _wait(STAND_BY_SECONDS, stop)


def work(home: Home, *, now: Instant, again: bool) -> Work:
    """What is newly due or may be sealed; with `again`, what was held or parked before as well."""
    catalog, states = load_catalog(home), policies(home)
    customers = tuple(CustomerId(key) for key in catalog.customers.keys)
    if again and _looks_inside_periods(states):
        return Work(customers, None)
    recorded = home.books.movements.of(customers)
    plan = within_level(
        home.books.readiness.level(),
        agenda(
            catalog,
            states,
            billed_of(home, catalog, customers),
            customers=customers,
            as_of=now,
            advanced=open_advances(recorded),
        ),
    )
    known = {(each.customer, each.period) for each in home.books.closes.latest()}
    found: set[CustomerId] = set()
    instants: list[Instant] = []
    for stopped in plan.outcomes:
        if isinstance(stopped.outcome, NotDue):
            coming = None if stopped.outcome.why else stopped.outcome.due_at
            instants += [] if coming is None else [coming]
        elif again or (stopped.customer, stopped.period) not in known:
            found.add(stopped.customer)
    due, refused = with_manual_lines(home, catalog, plan.due)
    reviews = look(home, due, as_of=now)
    found |= {each.customer for each in refused if again or (each.customer, each.period) not in known}
    found |= {each.customer for each in reviews.fresh if again or (each.customer, each.period) not in known}
    found |= {account.customer for account, _ in reviews.ripe}
    waiting = (reviews.stored(account) for account in due)
    instants += [each.review_until for each in waiting if each is not None and each.review_until is not None]
    return Work(_in_order(catalog, found), min((each for each in instants if each > now), default=None))


def _close_what_comes(
    home: Home,
    lease: Lease,
    stop: Callable[[], bool],
    told: Callable[[ClosingRound], None],
    poll_seconds: int,
    again_seconds: int,
) -> None:
    """Until `stop` says so, or the lease is lost: whoever has it then goes on."""
    memory = _Memory()
    while not stop() and lease.is_held():
        try:
            round_ = _look(home, memory, again_seconds)
        except TieoutError as error:
            memory.pulse = None
            round_ = ClosingRound(failure=error)
        if round_ is not None:
            told(round_)
        _wait(poll_seconds, stop)


def _look(home: Home, memory: _Memory, again_seconds: int) -> ClosingRound | None:
    """One close of whoever needs it; None where nobody does."""
    now, pulse = home.clock.now(), _pulse(home)
    again = time.monotonic_ns() >= memory.again_at
    is_time = memory.next_at is not None and memory.next_at <= now
    if not again and not is_time and pulse == memory.pulse:
        return None
    found = work(home, now=now, again=again)
    report = close(home, as_of=now, customers=found.customers) if found.customers else None
    memory.pulse, memory.next_at = pulse, found.next_at
    if report is not None:
        memory.next_at = work(home, now=now, again=False).next_at
    if again:
        memory.again_at = time.monotonic_ns() + again_seconds * NANOSECONDS
    return None if report is None else ClosingRound(report)


def _pulse(home: Home) -> Pulse:
    """Grows whenever somebody decides something that a close would heed."""
    books = home.books
    return (
        books.documents.revision(),
        len(books.signatures.signatures()),
        *books.drafts.said(),
        books.manual_lines.count(),
        len(books.readiness.levels()),
    )


def _looks_inside_periods(states: list[PolicyState]) -> bool:
    """Whether a policy bills where no period has ended: by exposure, or late data at once."""
    return any(
        state.in_force_from is not None
        and (state.policy.off_cycle is not None or state.policy.late_path is LatePath.NOTE)
        for state in states
    )


def _in_order(catalog: Catalog, found: set[CustomerId]) -> tuple[CustomerId, ...]:
    return tuple(CustomerId(key) for key in catalog.customers.keys if key in found)


def _wait(seconds: int, stop: Callable[[], bool]) -> None:
    """Wakes often enough that a stop is heard at once."""
    until = time.monotonic_ns() + seconds * NANOSECONDS
    while not stop() and (left := until - time.monotonic_ns()) > 0:
        time.sleep(min(left, WAKE_NANOSECONDS) / NANOSECONDS)
