"""`tieout replay parallel`: the invoices of the system that Tieout replaces, beside those of this home."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.screen import Json, grouped, note, print_json, say, table

if TYPE_CHECKING:
    from tieout.flows.parallel_run import ParallelRun
    from tieout.kernel.rational import Exact
    from tieout.replay.parallel_compare import Account, Compared, ComparedAccount, Side

SHOWN_MAX = 200
"""Rows of the table; --json has them all."""


def parallel(
    export: Annotated[
        Path, typer.Argument(metavar="FILE", help="Their invoices, as CSV.", show_default=False)
    ],
    home: HomeOption,
    mapping: Annotated[
        Path | None,
        typer.Option("--map", help="A TOML file: their names, and tolerances.", show_default=False),
    ] = None,
    customer: Annotated[
        list[str] | None, typer.Option(help="Only this customer (our key); may be repeated.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Show what matches, too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare another system's invoices with this home's, line by line; nothing may differ.

    Columns: customer, period_start, period_end, item, currency, amount; and if it has them quantity, unit,
    tax, invoice. docs/parallel-run.md says more. Exit code 1 on any difference.
    """
    from tieout.flows.parallel_run import parallel_run
    from tieout.kernel.ids import CustomerId
    from tieout.replay.parallel_compare import DIFFERENCES

    chosen = tuple(CustomerId(key) for key in customer or ())
    with opened(home) as where:
        found = parallel_run(where, export, mapping, customers=chosen)
    if as_json:
        print_json(_run_json(found, export, mapping))
    else:
        _say(found, everything=everything)
    if any(found.counts[status] for status in DIFFERENCES):
        raise typer.Exit(1)


def _say(found: ParallelRun, *, everything: bool) -> None:
    from tieout.kernel.rational import exact_text
    from tieout.replay.parallel_compare import DIFFERENCES, Status

    if found.said.source:
        say(f"There: {found.said.source}")
    for each in found.said.tolerances:
        count, amount = found.tolerated(each.name)
        for_what = f" for {', '.join(each.items)}" if each.items else ""
        say(
            f"Tolerance {each.name!r}, {exact_text(each.amount)} a line{for_what}: "
            f"used {count} times, {exact_text(amount)} in all."
        )
    if not found.said.tolerances:
        say("No tolerance: every quantity and amount has to be the same.")
    shown = DIFFERENCES | {Status.TOLERATED, Status.IGNORED} if not everything else set(Status)
    rows = [
        _cells(account.account, line)
        for account in found.accounts
        for line in account.lines
        if line.status in shown
    ]
    if rows:
        columns = (
            *("customer", "period (UTC)", "there", "here", "", "quantity there>", "here>"),
            *("amount there>", "here>", "difference>", "why"),
        )
        say(table(columns, rows[:SHOWN_MAX]))
    if len(rows) > SHOWN_MAX:
        say(f"{len(rows) - SHOWN_MAX} more rows: see --json.")
    counts = ", ".join(f"{count} {status.value}" for status, count in found.counts.items() if count)
    say(f"{len(found.accounts)} bills compared. Lines: {counts or 'none'}.")
    if found.unknown:
        note(f"Not customers here: {', '.join(found.unknown)}; map them under [customers], if they are.")
    if found.unread:
        note(f"Columns that were not read: {', '.join(found.unread)}.")


def _cells(account: Account, line: Compared) -> list[str]:
    from tieout.kernel.instant import format_instant
    from tieout.kernel.rational import exact_text

    span = f"{format_instant(account.period.start)} to {format_instant(account.period.end)}"
    rows = f" (row {', '.join(map(str, line.rows))})" if line.rows else ""
    why = line.why if line.tolerance is None else f"within {line.tolerance!r}"
    return [
        account.customer,
        span,
        ("-" if line.theirs is None else ", ".join(line.theirs.names)) + rows,
        "-" if line.ours is None else ", ".join(line.ours.names),
        line.status.value,
        _number(None if line.theirs is None else line.theirs.quantity),
        _number(None if line.ours is None else line.ours.quantity),
        _number(None if line.theirs is None else line.theirs.amount),
        _number(None if line.ours is None else line.ours.amount),
        f"{grouped(exact_text(line.difference))} {account.currency}",
        why,
    ]


def _number(value: Exact | None) -> str:
    from tieout.kernel.rational import exact_text

    return "" if value is None else grouped(exact_text(value))


def _run_json(found: ParallelRun, export: Path, mapping: Path | None) -> Json:
    from tieout.kernel.rational import exact_text
    from tieout.replay.parallel_compare import DIFFERENCES

    tolerances: list[Json] = []
    for each in found.said.tolerances:
        count, amount = found.tolerated(each.name)
        tolerances.append(
            {
                "name": each.name,
                "amount": exact_text(each.amount),
                "items": list(each.items),
                "used": count,
                "together": exact_text(amount),
            }
        )
    return {
        "file": str(export),
        "map": None if mapping is None else str(mapping),
        "source": found.said.source,
        "tolerances": tolerances,
        "columns_not_read": list(found.unread),
        "customers_unknown_here": list(found.unknown),
        "differences": sum(found.counts[status] for status in DIFFERENCES),
        "lines": {status.value: count for status, count in found.counts.items()},
        "bills": [_account_json(account) for account in found.accounts],
    }


def _account_json(found: ComparedAccount) -> Json:
    from tieout.kernel.instant import format_instant
    from tieout.kernel.rational import exact_text

    period = found.account.period
    lines: list[Json] = [
        {
            "status": line.status.value,
            "rows": list(line.rows),
            "there": _side_json(line.theirs),
            "here": _side_json(line.ours),
            "difference": exact_text(line.difference),
            "tolerance": line.tolerance,
            "why": line.why,
        }
        for line in found.lines
    ]
    return {
        "customer": found.account.customer,
        "period": {"start": format_instant(period.start), "end": format_instant(period.end)},
        "currency": found.account.currency,
        "invoices_there": list(found.there),
        "invoices_here": list(found.here),
        "lines": lines,
    }


def _side_json(side: Side | None) -> Json:
    from tieout.kernel.rational import exact_text

    if side is None:
        return None
    return {
        "names": list(side.names),
        "unit": side.unit,
        "quantity": None if side.quantity is None else exact_text(side.quantity),
        "amount": exact_text(side.amount),
    }
