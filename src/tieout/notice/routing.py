"""To whom a notice goes, and when: at once, with others in a digest, or after the target's quiet hours."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from tieout.contract.notice_target import NoticeTarget, QuietHours, Severity
from tieout.kernel.ids import NoticeId, NoticeTargetKey
from tieout.kernel.instant import SECOND_MICROSECONDS, Instant, from_datetime, to_datetime
from tieout.kernel.zone import zone
from tieout.notice.notice import Notice, data_of, is_for_customer

MINUTE_MICROSECONDS: Final = 60 * SECOND_MICROSECONDS
FIRST: Final = "first"
VERIFICATION: Final = "customer.target.verification"
DAY_MINUTES: Final = 24 * 60


@dataclass(frozen=True, slots=True)
class Addressed:
    """One notice for one target. `gathers`: it joins others that wait for the same; `passes`: quiet hours do
    not hold it.
    """

    target: NoticeTargetKey
    occasion: str
    due_at: Instant
    gathers: bool
    passes: bool


@dataclass(frozen=True, slots=True)
class Step:
    """An escalation that will be due."""

    target: NoticeTargetKey
    step: int
    to: NoticeTargetKey
    due_at: Instant


@dataclass(frozen=True, slots=True)
class Routing:
    """All that follows from one notice; nothing where no target takes it."""

    notice: NoticeId
    addressed: tuple[Addressed, ...]
    steps: tuple[Step, ...]


def route(notice: Notice, targets: Iterable[NoticeTarget], *, now: Instant) -> Routing:
    """`targets` are those in force."""
    taking = [target for target in targets if takes(target, notice)]
    return Routing(
        notice.id,
        tuple(addressed(notice, target, occasion=FIRST, now=now) for target in taking),
        tuple(step for target in taking for step in _steps(notice, target, now)),
    )


def takes(target: NoticeTarget, notice: Notice) -> bool:
    """Whether the target is there for such a notice. Whoever made it may name the `targets` in its data: then
    these alone, of whatever kind and severity they take by themselves."""
    if not target.enabled or not may_be_sent(target, notice):
        return False
    if target.customers and notice.customer not in target.customers:
        return False
    named = data_of(notice).get("targets")
    if isinstance(named, list) and named:
        return target.key in named
    if notice.severity.rank < target.severity.rank:
        return False
    return not target.kinds or any(_covers(kind, notice.kind) for kind in target.kinds)


def may_carry(target: NoticeTarget, notice: Notice) -> bool:
    """What is for a customer goes to targets of its own and nowhere else; what is not, never to one."""
    if is_for_customer(notice):
        return target.owner is not None and target.owner == notice.customer
    return target.owner is None


def may_be_sent(target: NoticeTarget, notice: Notice) -> bool:
    """Whether the target as it is now is one for the notice, whenever it was addressed: the mailbox behind a
    name may be another by now, whose reader was not asked."""
    return may_carry(target, notice) and (target.is_ready or _asks(notice))


def _asks(notice: Notice) -> bool:
    """Whether it is what a mailbox is asked with before it is used."""
    return notice.kind == VERIFICATION


def addressed(notice: Notice, target: NoticeTarget, *, occasion: str, now: Instant) -> Addressed:
    """Critical notices and all that people ask for wait for nothing; an escalation for no digest."""
    passes = notice.severity is Severity.CRITICAL or _asks(notice)
    if passes:
        return Addressed(target.key, occasion, now, gathers=False, passes=True)
    minutes = target.digest_minutes if occasion == FIRST else 0
    due_at = Instant(now + minutes * MINUTE_MICROSECONDS)
    quiet_end = quiet_until(target.quiet, due_at)
    gathers = occasion == FIRST and (minutes > 0 or quiet_end is not None)
    return Addressed(target.key, occasion, quiet_end or due_at, gathers=gathers, passes=False)


def quiet_until(quiet: QuietHours | None, instant: Instant) -> Instant | None:
    """The end of the quiet hours that hold then; None: none do. The clocks are the zone's: where they jump
    over the end, it is as much later as they jump.
    """
    if quiet is None:
        return None
    place = zone(quiet.zone)
    local = to_datetime(instant).astimezone(place)
    minute = local.hour * 60 + local.minute
    start, end = quiet.start_minute, quiet.end_minute
    over_midnight = end <= start
    inside = (minute >= start or minute < end) if over_midnight else start <= minute < end
    if not inside:
        return None
    day = local.date() + timedelta(days=1 if over_midnight and minute >= start else 0)
    naive = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(minutes=end)
    wall = naive.replace(tzinfo=place)
    found = from_datetime(wall)
    # where the clocks are set back the end comes twice; the first may have passed already
    return found if found > instant else from_datetime(wall.replace(fold=1))


def _steps(notice: Notice, target: NoticeTarget, now: Instant) -> Iterable[Step]:
    if notice.severity.rank < target.escalation_severity.rank:
        return ()
    return (
        Step(target.key, place, step.to, Instant(now + step.after_minutes * MINUTE_MICROSECONDS))
        for place, step in enumerate(target.escalations, start=1)
    )


def _covers(kind: str, found: str) -> bool:
    if kind.endswith(".*"):
        return found.startswith(kind[:-1])
    return found == kind
