"""Breaks of no one account: what a source states against what was accepted, numbers that never came, and open
alerts. Each holds every invoice whose period it touches.

A source's statement can be waived, number for number; nothing else here can.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from tieout.close.breaks import Break, BreakClass, Reach, events_size
from tieout.close.reconcile_unbilled import Unbilled, unbilled_breaks
from tieout.contract.policy import HoldOn
from tieout.ingest.control_total import Comparison
from tieout.ingest.sequence import Range
from tieout.ingest.shift import Shift
from tieout.invoice.waived import Waived
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import HOUR_MICROSECONDS, INSTANT_MIN, Instant, format_instant
from tieout.kernel.period import Period

TIE_CONTROL_TOTAL = "control total = accepted events"
TIE_SEQUENCE = "numbers of a source = its events"
TIE_ALERT = "no open pipeline alert"
RANGES_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class CycleBreak:
    """`windows`: the times that it is about; none: all of them."""

    found: Break
    windows: tuple[Period, ...] = ()

    def touches(self, period: Period) -> bool:
        return not self.windows or any(window.overlaps(period) for window in self.windows)


@dataclass(frozen=True, slots=True)
class Passed:
    """A difference that is waived, and the window that it is about."""

    waived: Waived
    window: Period


@dataclass(frozen=True, slots=True)
class CycleTies:
    """What holds the invoices of a cycle, and what would, had it not been waived; and usage on no invoice,
    which holds those whose policies say so."""

    breaks: tuple[CycleBreak, ...] = ()
    passed: tuple[Passed, ...] = ()
    unbilled: tuple[Unbilled, ...] = ()

    def of_account(self, customer: CustomerId, period: Period, *, hold_on: Collection[HoldOn]) -> list[Break]:
        """What holds the account, the usage on no invoice for which its policy holds included."""
        kept = unbilled_breaks(self.unbilled, customer=customer, period=period, hold_on=hold_on)
        return [*self.of(period), *kept]

    def of(self, period: Period) -> list[Break]:
        return [each.found for each in self.breaks if each.touches(period)]

    def waived(self, period: Period) -> tuple[Waived, ...]:
        return tuple(each.waived for each in self.passed if each.window.overlaps(period))


NOTHING_HELD: Final = CycleTies()


def total_break(found: Comparison) -> CycleBreak:
    """A statement that differs. More events than stated were sent twice under two ids, or stated too low;
    as many with another sum do not add up."""
    stated, more = found.stated, found.events_difference
    kind = BreakClass.ARITHMETIC
    if more:
        kind = BreakClass.MISSING if more < 0 else BreakClass.DUPLICATE
    size = events_size(abs(more))
    if found.total_difference is not None:
        size += f", {stated.field} {found.total_difference}"
    window = Period(stated.start, stated.end)
    name = f"{stated.source} {stated.id}, {stated.type} in {window}"
    action = (
        f"find them: tieout ingest control-totals --source {stated.source}; send again, release or retract, "
        "then close again; or have finance, ops and engineering waive it: tieout reconcile waiver propose"
    )
    expected = f"{name}: {stated_text(stated.events, stated.field, stated.total)}"
    accepted = stated_text(found.accepted.events, stated.field, found.accepted.total)
    return CycleBreak(
        Break(
            TIE_CONTROL_TOTAL,
            expected,
            f"{name}: {accepted} accepted",
            action,
            kind=kind,
            size=size,
            reach=Reach.CYCLE,
        ),
        (window,),
    )


def stated_text(events: int, field: str | None, total: object | None) -> str:
    """`12 events, tokens 340.5`."""
    return events_size(events) + ("" if total is None else f", {field} {total}")


def gap_break(source: str, missing: Sequence[tuple[Range, Period]]) -> CycleBreak:
    """Numbers that never came, with the time between their neighbours."""
    count = sum(last - first + 1 for (first, last), _ in missing)
    shown = ", ".join(range_text(numbers) for numbers, _ in missing[:RANGES_SHOWN])
    more = "" if len(missing) <= RANGES_SHOWN else f" and {len(missing) - RANGES_SHOWN} more ranges"
    action = (
        f"ask {source} to send them; if the numbers were never used, have finance, ops and engineering say "
        "so: tieout reconcile waiver propose SOURCE --numbers FIRST-LAST"
    )
    return CycleBreak(
        Break(
            TIE_SEQUENCE,
            f"{source}: every number between its first and last",
            f"{source}: {shown}{more} never came",
            action,
            kind=BreakClass.MISSING,
            size=events_size(count),
            reach=Reach.CYCLE,
        ),
        tuple(window for _, window in missing),
    )


def range_text(numbers: Range) -> str:
    """`7` or `5-7`."""
    first, last = numbers
    return str(first) if first == last else f"{first}-{last}"


def alert_break(id: str, shift: Shift, *, cutoff_at: Instant) -> CycleBreak | None:
    """An open alert touches every period that had started when its hour ended: what arrived in that hour may
    be of any period before. None where the hour came after the cutoff."""
    if shift.hour > cutoff_at:
        return None
    now, before = shift.now, shift.before
    change = f"{now.part} of {now.whole}, before {before.part} of {before.whole}"
    kind = BreakClass.DUPLICATE if shift.kind.value == "duplicates" else BreakClass.MISSING
    action = (
        f"look into it: tieout ingest status --source {shift.source}; then tieout ingest close-alert {id} "
        "--by WHO --reason WHY, and close again"
    )
    ends = Instant(shift.hour + HOUR_MICROSECONDS)
    started = Period(INSTANT_MIN, ends)
    return CycleBreak(
        Break(
            TIE_ALERT,
            f"{shift.source}: the rates of hours before",
            f"{shift.source}, hour {format_instant(shift.hour)}: {shift.kind.value} {change} ({id})",
            action,
            kind=kind,
            size=f"{now.whole} items in the hour",
            reach=Reach.CYCLE,
        ),
        (started,),
    )
