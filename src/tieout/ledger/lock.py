"""A lock closes a month of the ledger, and all before it: nothing more is booked there, for ever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tieout.kernel.errors import ConflictError
from tieout.kernel.instant import Instant, format_instant
from tieout.ledger.month import end_of, month_after


@dataclass(frozen=True, slots=True)
class Lock:
    """Who closed which month, why and when."""

    month: str
    person: str
    reason: str
    locked_at: Instant


class NotLockable(ConflictError):
    """The month cannot be locked as things stand."""

    code = "not-lockable"


def next_lock(locks: Sequence[Lock], wanted: Lock) -> Lock:
    """The same lock. Months are locked in order and once they have ended; the first may be any. Raises
    `NotLockable`."""
    month, last = wanted.month, max((each.month for each in locks), default=None)
    if last is not None and month <= last:
        raise NotLockable(f"{month} is locked already: the ledger is locked until the end of {last}.")
    if last is not None and month != month_after(last):
        raise NotLockable(f"Months are locked in order: after {last} comes {month_after(last)}, not {month}.")
    if end_of(month) > wanted.locked_at:
        raise NotLockable(
            f"{month} has not ended: it is {format_instant(wanted.locked_at)}, and the month ends at "
            f"{format_instant(end_of(month))}."
        )
    return wanted
