"""A scratch home is stepped through time, and says what came due; it can close on the way, as servers would.

With `closing` the clock stops at each instant at which a period becomes due or a draft may be sealed, and
everything due is closed there: each paper is dated as if the closer beside the servers had run all the time.
Invoice rules that look inside periods are asked at those stops only, not every few minutes between them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tieout.close.outcome import NotDue, Parked
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.close_periods import CloseReport, close
from tieout.flows.draft_balances import open_advances
from tieout.flows.due_accounts import agenda
from tieout.flows.home import Home
from tieout.flows.keep_closing import work
from tieout.flows.policy import policies
from tieout.flows.readiness_level import within_level
from tieout.kernel.clock_step import ClockStep, anchored, day_of, refuse_goal
from tieout.kernel.errors import ConflictError
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant, format_instant
from tieout.kernel.period import Period
from tieout.ports import ClockReading, TestClock


class NoTestClock(ConflictError):
    """The home follows the system's clock, and nobody steps that."""

    code = "no-test-clock"

    def __init__(self, now: Instant) -> None:
        super().__init__(
            f"This home has no test clock: it follows the system's, which says {format_instant(now)}. Only a "
            "scratch home that `tieout init --test-clock INSTANT` made can be stepped; a real one never."
        )


@dataclass(frozen=True, slots=True)
class Due:
    """A period that is due and not sealed; `parked` says why it cannot be billed, where that is known. None:
    no period of the customer can be told, and `parked` says why."""

    customer: CustomerId
    period: Period | None
    is_new: bool
    parked: str | None = None


@dataclass(frozen=True, slots=True)
class Stepped:
    """From where to where; what is due now and not sealed; the closes on the way; when something is next."""

    before: Instant
    now: Instant
    due: tuple[Due, ...]
    closes: tuple[CloseReport, ...]
    next_at: Instant | None


def own_clock(home: Home) -> TestClock:
    """Raises `NoTestClock`."""
    if home.test_clock is None:
        raise NoTestClock(home.clock.now())
    return home.test_clock


def target(reading: ClockReading, step: ClockStep | Instant) -> tuple[Instant, int]:
    """Where a step leads, and the day from which months then clamp: a step by months keeps it.

    Raises `ClockGoesBack`, `StepOutsideCalendar` or `StepTooLong`.
    """
    if not isinstance(step, ClockStep):
        refuse_goal(reading.now, step)
        return step, anchored(step, reading.anchor_day)
    to = step.from_(reading.now, anchor_day=reading.anchor_day)
    return to, reading.anchor_day if step.months else day_of(to)


def step_clock(
    home: Home,
    reading: ClockReading,
    *,
    to: Instant,
    anchor_day: int,
    closing: bool,
    told: Callable[[CloseReport], None],
) -> Stepped:
    """Steps from `reading` to `to`; `told` hears of each close. Interrupted, it stands at a stop before `to`.

    Raises `NoTestClock`, `ClockMoved`, and what `target` raises: then nothing was moved.
    """
    clock = own_clock(home)
    before = reading.now
    refuse_goal(before, to)
    if not closing:
        clock.step(reading, to=to, anchor_day=anchor_day)
        return _stepped(home, before, ())
    clock.step(reading, to=before, anchor_day=anchor_day)
    closes: list[CloseReport] = []
    while True:
        now = clock.now()
        if work(home, now=now, again=False).customers or (now == to and _due(home, before, now)):
            closes.append(close(home, as_of=now))
            told(closes[-1])
        if now == to:
            return _stepped(home, before, tuple(closes))
        next_at = work(home, now=now, again=False).next_at
        clock.step(clock.reading(), to=to if next_at is None else min(next_at, to), anchor_day=anchor_day)


def coming(home: Home, *, to: Instant) -> tuple[int, int]:
    """How many periods of how many customers will be due by then, as far as is known now."""
    found = [each for each in _due_as_of(home, to) if each.period is not None]
    return len(found), len({each.customer for each in found})


def _stepped(home: Home, before: Instant, closes: tuple[CloseReport, ...]) -> Stepped:
    now = home.clock.now()
    return Stepped(before, now, _due(home, before, now), closes, next_due(home))


def next_due(home: Home) -> Instant | None:
    """When the next period is due or the next draft may be sealed, as far as anybody can tell."""
    return work(home, now=home.clock.now(), again=False).next_at


def _due(home: Home, before: Instant, now: Instant) -> tuple[Due, ...]:
    known = {(each.customer, each.period) for each in _due_as_of(home, before)}
    return tuple(
        Due(each.customer, each.period, (each.customer, each.period) not in known, each.parked)
        for each in _due_as_of(home, now)
    )


def _due_as_of(home: Home, as_of: Instant) -> list[Due]:
    catalog = load_catalog(home)
    customers = tuple(CustomerId(key) for key in catalog.customers.keys)
    everybody = agenda(
        catalog,
        policies(home),
        home.books.invoices.billed(),
        customers=customers,
        as_of=as_of,
        advanced=open_advances(home.books.movements.of(customers)),
    )
    plan = within_level(home.books.readiness.level(), everybody)
    found = [Due(each.customer, each.period, is_new=True) for each in plan.due]
    for each in plan.outcomes:
        if isinstance(each.outcome, NotDue):
            continue
        why = each.outcome.reason if isinstance(each.outcome, Parked) else None
        found.append(Due(each.customer, each.period, is_new=True, parked=why))
    return sorted(found, key=lambda each: (0 if each.period is None else each.period.end, each.customer))
