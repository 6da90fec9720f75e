"""`tieout replay parallel`: the invoices of the system that Tieout replaces, beside those of this home."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.screen import Json, grouped, note, plain, print_json, say, table

if TYPE_CHECKING:
    from tieout.flows.parallel_run import ParallelRun
    from tieout.kernel.rational import Exact
    from tieout.replay.parallel_compare import Compared, ComparedAccount, Side

SHOWN_MAX = 200
"""Lines; --json has them all."""
COLUMNS = (
    *("there", "here", "", "quantity there>", "quantity here>"),
    *("amount there>", "amount here>", "difference>", "why"),
)


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
        list[str] | None,
        typer.Option(help="Only this customer (our key), and names unknown here; may be repeated."),
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
            f"used on {count} {'line' if count == 1 else 'lines'}, {exact_text(amount)} in all."
        )
    if not found.said.tolerances:
        say("No tolerance: every quantity and amount has to be the same.")
    shown = set(Status) if everything else {*DIFFERENCES, Status.TOLERATED, Status.IGNORED}
    left = SHOWN_MAX
    for account in found.accounts:
        lines = [line for line in account.lines if line.status in shown][:left]
        if lines:
            say(f"\n{_heading(account)}")
            say(table(COLUMNS, (_cells(line, account.account.currency) for line in lines)))
        left -= len(lines)
    if not left:
        say(f"The first {SHOWN_MAX} lines: --json has them all.")
    counts = ", ".join(f"{count} {status.value}" for status, count in found.counts.items() if count)
    say(f"{len(found.accounts)} bills compared. Lines: {counts or 'none'}.")
    if not found.taxes_stated:
        note("Taxes were not compared: no row of the file states any.")
    if found.unknown:
        rows = sum(found.unknown.values())
        note(
            f"Not customers here: {', '.join(found.unknown)} ({rows:,} {'row' if rows == 1 else 'rows'}); "
            "map them under [customers], if they are."
        )
    if found.not_chosen:
        note(
            f"{found.not_chosen:,} {'row' if found.not_chosen == 1 else 'rows'} of other customers: "
            "left out, as --customer says."
        )
    if found.unread:
        note(f"Columns that were not read: {', '.join(found.unread)}.")


def _heading(found: ComparedAccount) -> str:
    from tieout.kernel.instant import format_instant

    account = found.account
    span = f"{format_instant(account.period.start)} to {format_instant(account.period.end)}"
    there, here = ", ".join(found.there) or "no number", ", ".join(found.here) or "no paper"
    return plain(f"{account.customer}, {span}, {account.currency}: {there} there, {here} here")


def _cells(line: Compared, unit: str) -> list[str]:
    theirs, ours = line.theirs, line.ours
    rows = f" (row {', '.join(map(str, line.rows))})" if line.rows else ""
    return [
        ("-" if theirs is None else ", ".join(theirs.names)) + rows,
        "-" if ours is None else ", ".join(ours.names),
        line.status.value,
        _quantity(theirs),
        _quantity(ours),
        "" if theirs is None else _money(theirs.amount, unit),
        "" if ours is None else _money(ours.amount, unit),
        _money(line.difference, unit),
        line.why if line.tolerance is None else f"within {line.tolerance!r}",
    ]


def _quantity(side: Side | None) -> str:
    from tieout.kernel.rational import exact_text

    return "" if side is None or side.quantity is None else grouped(exact_text(side.quantity))


def _money(amount: Exact, unit: str) -> str:
    """With all digits of the currency, or with more where there are more."""
    from tieout.kernel.money import currency
    from tieout.kernel.rational import exact_text

    text, digits = exact_text(amount), currency(unit).exponent
    whole, _, part = text.partition(".")
    return grouped(text if "/" in text or not digits else f"{whole}.{part.ljust(digits, '0')}")


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
        "taxes_compared": found.taxes_stated,
        "columns_not_read": list(found.unread),
        "customers_unknown_here": list(found.unknown),
        "rows_unknown_here": sum(found.unknown.values()),
        "rows_not_chosen": found.not_chosen,
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
