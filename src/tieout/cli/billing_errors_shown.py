"""Billing errors that were credited and stand unrepaired, as tables and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tieout.cli.screen import Json, grouped, note, say, table

if TYPE_CHECKING:
    from tieout.flows.billing_errors import StandingError


def say_errors(found: Sequence[StandingError]) -> None:
    from tieout.kernel.instant import format_instant

    columns = ("customer", "period from", "invoice", "line", "credited>", "on", "would be asked again>")
    rows = (
        [
            *(each.customer, format_instant(each.period.start), each.invoice, each.description),
            grouped(each.credited.decimal_text),
            ", ".join(each.notes),
            "-" if each.asked_again is None else grouped(each.asked_again.decimal_text),
        ]
        for each in found
    )
    say(table(columns, rows, title="Billing errors credited and not repaired"))
    for action in dict.fromkeys(each.next_action for each in found):
        lines = ", ".join(each.line for each in found if each.next_action == action)
        note(f"Next, for {lines}: {action}.")


def error_json(error: StandingError) -> dict[str, Json]:
    from tieout.kernel.instant import format_instant

    again = error.asked_again
    return {
        "customer": error.customer,
        "period": {"start": format_instant(error.period.start), "end": format_instant(error.period.end)},
        "invoice": error.invoice,
        "line": error.line,
        "description": error.description,
        "currency": error.credited.currency.code,
        "credited": error.credited.decimal_text,
        "notes": list(error.notes),
        "asked_again": None if again is None else again.decimal_text,
        "next_action": error.next_action,
    }
