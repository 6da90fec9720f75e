"""Breaks as people and programs read them: the same facts on the screen, in `close` and in `reconcile`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tieout.cli.screen import Json, table

if TYPE_CHECKING:
    from rich.table import Table

    from tieout.close.breaks import Break
    from tieout.ports import RecordedBreak


def break_json(found: Break) -> dict[str, Json]:
    return {
        "tie": found.tie,
        "class": found.kind.value,
        "holds": found.reach.value,
        "size": found.size,
        "expected": found.expected,
        "found": found.found,
        "next_action": found.next_action,
    }


def break_text(found: Break) -> str:
    """Class and size first, then what each side says."""
    said = f"{found.kind.value}, {found.size or 'no size'}: {found.tie}"
    return f"{said}\nexpected {found.expected}\nfound {found.found}"


def recorded_json(each: RecordedBreak) -> dict[str, Json]:
    from tieout.kernel.instant import format_instant

    period = each.period
    return {
        "close": each.run,
        "customer": each.customer,
        "period": None
        if period is None
        else {"start": format_instant(period.start), "end": format_instant(period.end)},
        "invoice": each.invoice,
        **break_json(each.found),
    }


def recorded_table(found: Iterable[RecordedBreak]) -> Table:
    columns = ("close>", "customer", "holds", "break", "next action")
    rows = (
        [
            str(each.run),
            "every account" if each.customer is None else each.customer,
            each.found.reach.value,
            break_text(each.found),
            each.found.next_action,
        ]
        for each in found
    )
    return table(columns, rows)
