"""Sealed papers must stay what they were: the same events as of their cutoff, at the same price, for ever;
and what came after the cutoff waits for a correction, visibly.

Other events are backfill drift, the same events at another amount re-rating drift: the first is repaired in
the log or billed as a correction, the second in the books or the catalog.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from tieout.close.breaks import Break, BreakClass, Reach, events_size

TIE_SEALED_USAGE: Final = "sealed usage = its events as of the cutoff"
TIE_SEALED_AMOUNT: Final = "sealed amounts = their usage, rated again"
TIE_KNOWN_USAGE: Final = "sealed usage = usage as known now"

OF_USAGE: Final = frozenset({"event", "contract", "meter", "snapshot"})
"""Layers up to the quantity; every other one is about what the quantity costs."""
USAGE_ACTION: Final = (
    "run `tieout verify`: it names what was changed in the log; restore it from the backup, then run "
    "`tieout reconcile run --from` again"
)
AMOUNT_ACTION: Final = (
    "run `tieout trace` on the line: it names the layer; restore that from the backup; a price that was "
    "wrong from the start is corrected by a version that supersedes it: tieout correction preview"
)
LATE_ACTION: Final = "bill the difference: tieout correction preview, and another person: correction approve"


class Differing(Protocol):
    """A layer of a sealed line that is not what its evidence gives."""

    @property
    def what(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def expected(self) -> str: ...
    @property
    def found(self) -> str: ...


class Late(Protocol):
    """What came after the cutoff of one sealed snapshot; `retracted_count` of its events were taken back."""

    @property
    def invoice(self) -> str: ...
    @property
    def meter(self) -> str: ...
    @property
    def period(self) -> object: ...
    @property
    def event_count(self) -> int: ...
    @property
    def retracted_count(self) -> int: ...
    @property
    def quantity(self) -> object: ...


def sealed_line_breaks(line: str, differences: Iterable[Differing]) -> Iterator[Break]:
    """One break for each layer that differs."""
    for each in differences:
        is_usage = each.what in OF_USAGE
        yield Break(
            TIE_SEALED_USAGE if is_usage else TIE_SEALED_AMOUNT,
            f"{line}: {each.expected}",
            f"{line}: {each.found} ({each.what} {each.name})",
            USAGE_ACTION if is_usage else AMOUNT_ACTION,
            kind=BreakClass.BACKFILL_DRIFT if is_usage else BreakClass.RERATING_DRIFT,
            size=f"{each.what} {each.name}",
        )


def late_breaks(rows: Iterable[Late]) -> list[Break]:
    """One for each sealed snapshot that events or retractions came late for. Noted: what is sealed cannot be
    held, and nothing else may be for it."""
    breaks = []
    for row in rows:
        count = row.event_count + row.retracted_count
        parts = [
            f"{events_size(number)} {said}"
            for number, said in ((row.event_count, "late"), (row.retracted_count, "retracted since"))
            if number
        ]
        where = f"invoice {row.invoice}, meter {row.meter}, {row.period}"
        breaks.append(
            Break(
                TIE_KNOWN_USAGE,
                f"{where}: every event on it",
                f"{where}: {', '.join(parts)}, {row.quantity} off",
                LATE_ACTION,
                kind=BreakClass.BACKFILL_DRIFT,
                size=events_size(count),
                reach=Reach.NOTED,
            )
        )
    return breaks
