"""`tieout ledger ...`: entries, balances, the trial balance, locked months, manual entries, exports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli.ledger_shown import (
    balance_json,
    balances_table,
    entries_table,
    entry_json,
    lock_json,
    locks_table,
    manual_json,
    manual_table,
    trial_json,
    trial_table,
)
from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.out_file import ForceOption, may_write
from tieout.cli.screen import Json, grouped, note, print_json, say, table

if TYPE_CHECKING:
    from tieout.kernel.instant import Instant
    from tieout.ledger.balances import Selection
    from tieout.wiring import Home

app = typer.Typer(
    help="Double entry: what sealed papers mean for the seller's accounts.", no_args_is_help=True
)

CustomerOption = Annotated[str | None, typer.Option("--customer", help="Only this customer's.")]
InvoiceOption = Annotated[str | None, typer.Option("--invoice", help="Only this invoice's (id or number).")]
AccountOption = Annotated[str | None, typer.Option("--account", help="Only with this account of the chart.")]
PeriodOption = Annotated[str | None, typer.Option("--period", help="Only booked in this month (2026-01).")]
FromOption = Annotated[str | None, typer.Option("--from", help="Only booked in this month or later.")]
UntilOption = Annotated[str | None, typer.Option("--until", help="Only booked in this month or before.")]
ProposedOption = Annotated[
    bool,
    typer.Option("--with-proposed", help="Also what drafts that wait would post, marked as proposed."),
]
ByOption = Annotated[str, typer.Option("--by", help="Who decides.", show_default=False)]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why.", show_default=False)]


@app.command()
def accounts(as_json: JsonOption = False) -> None:
    """The chart of accounts."""
    from tieout.ledger.account import CLASSES, MEANINGS, Account

    if as_json:
        print_json(
            [
                {"account": each.value, "class": CLASSES[each].value, "meaning": MEANINGS[each]}
                for each in Account
            ]
        )
        return
    rows = [[each.value, CLASSES[each].value, MEANINGS[each]] for each in Account]
    say(table(("account", "class", "what stands on it"), rows))


@app.command()
def entries(
    home: HomeOption,
    customer: CustomerOption = None,
    invoice: InvoiceOption = None,
    account: AccountOption = None,
    period: PeriodOption = None,
    from_: FromOption = None,
    until: UntilOption = None,
    as_json: JsonOption = False,
) -> None:
    """Journal entries with their postings, by when they take effect."""
    from tieout.flows.ledger import list_entries

    with opened(home) as where:
        chosen = _selected(where, customer, invoice, account, _months(period, from_, until))
        found = list(list_entries(where, chosen))
        _note_unposted(where)
    if as_json:
        print_json([entry_json(each) for each in found])
    else:
        say(entries_table(found))


@app.command()
def balances(
    home: HomeOption,
    customer: CustomerOption = None,
    invoice: InvoiceOption = None,
    account: AccountOption = None,
    period: PeriodOption = None,
    from_: FromOption = None,
    until: UntilOption = None,
    as_json: JsonOption = False,
) -> None:
    """What each account of each customer comes to; debits above zero. What comes to nothing is left out."""
    from tieout.flows.ledger import list_balances

    with opened(home) as where:
        chosen = _selected(where, customer, invoice, account, _months(period, from_, until))
        found = list_balances(where, chosen)
        _note_unposted(where)
    if as_json:
        print_json([balance_json(each) for each in found])
    else:
        say(balances_table(found))


@app.command("trial-balance")
def trial_balance(
    home: HomeOption,
    customer: CustomerOption = None,
    period: PeriodOption = None,
    from_: FromOption = None,
    until: UntilOption = None,
    with_proposed: ProposedOption = False,
    as_json: JsonOption = False,
) -> None:
    """Every account over all customers, by currency. Exit code 6 where debits and credits differ."""
    from tieout.cli.ledger_proposed import note_proposed, proposed_json, proposed_table
    from tieout.flows.ledger import selected, trial
    from tieout.flows.waiting_entries import waiting_drafts
    from tieout.kernel.errors import IntegrityViolation

    with opened(home) as where:
        since, last = _months(period, from_, until)
        chosen = selected(where, customer=customer, since=since, until=last)
        rows, sums = trial(where, chosen)
        waiting = waiting_drafts(where, chosen) if with_proposed else ()
        _note_unposted(where)
    if as_json:
        beside = {"proposed": proposed_json(rows, waiting)} if with_proposed else {}
        print_json({**trial_json(rows, sums), **beside})
    elif with_proposed:
        say(proposed_table(rows, waiting))
        note_proposed(waiting)
    else:
        say(trial_table(rows, sums))
    if any(sums.values()):
        note("tieout: debits and credits differ: `tieout verify` names the entries that were changed.")
        raise typer.Exit(IntegrityViolation.exit_code)


@app.command()
def lock(
    month: Annotated[
        str, typer.Argument(help="A month that has ended, such as 2026-01.", show_default=False)
    ],
    home: HomeOption,
    by: ByOption,
    reason: ReasonOption,
    as_json: JsonOption = False,
) -> None:
    """Close a month for ever: what still takes effect in it is booked in the first month that is open."""
    from tieout.flows.ledger import lock_month

    with opened(home) as where:
        made = lock_month(where, month, person=by, reason=reason)
    if as_json:
        print_json(lock_json(made))
    else:
        note(f"{made.month} is locked. Nothing more is booked in it or in a month before it.")


@app.command()
def locks(home: HomeOption, as_json: JsonOption = False) -> None:
    """The months that are locked, by whom and why."""
    with opened(home) as where:
        found = where.books.ledger.locks()
    if as_json:
        print_json([lock_json(each) for each in found])
    else:
        say(locks_table(found))


@app.command()
def record(
    home: HomeOption,
    customer: Annotated[str, typer.Option(help="Whose accounts.", show_default=False)],
    by: ByOption,
    reason: ReasonOption,
    debit: Annotated[list[str] | None, typer.Option(help="ACCOUNT=AMOUNT; may be repeated.")] = None,
    credit: Annotated[list[str] | None, typer.Option(help="ACCOUNT=AMOUNT; may be repeated.")] = None,
    currency: Annotated[str | None, typer.Option(help="The customer's if not given.")] = None,
    effective: Annotated[str | None, typer.Option(help="When it takes effect (RFC 3339); now.")] = None,
    manual_id: Annotated[
        str | None, typer.Option("--id", help="Made up if not given; an id can be used once.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Propose an entry that is not of an invoice. It is posted once another person approves it."""
    from tieout.flows.ledger import propose_entry

    with opened(home) as where:
        made = propose_entry(
            where,
            customer=customer,
            currency_code=currency,
            debits=tuple(debit or ()),
            credits_=tuple(credit or ()),
            effective_at=_instant(effective),
            manual_id=manual_id,
            person=by,
            reason=reason,
        )
    if as_json:
        print_json(manual_json(made))
        return
    say(made.id)
    note(f"Not posted yet: somebody other than {made.person} runs `tieout ledger approve {made.id}`.")


@app.command()
def proposals(home: HomeOption, as_json: JsonOption = False) -> None:
    """Manual entries: proposed, posted and rejected."""
    with opened(home) as where:
        found = where.books.ledger.manual_entries()
    if as_json:
        print_json([manual_json(each) for each in found])
    else:
        say(manual_table(found))


ManualArgument = Annotated[str, typer.Argument(metavar="ENTRY", help="Its id.", show_default=False)]


@app.command()
def approve(
    manual_id: ManualArgument,
    home: HomeOption,
    by: ByOption,
    reason: ReasonOption,
    as_json: JsonOption = False,
) -> None:
    """Post a proposed entry. Whoever proposed it cannot."""
    _decide(home, manual_id, approved=True, by=by, reason=reason, as_json=as_json)


@app.command()
def reject(
    manual_id: ManualArgument,
    home: HomeOption,
    by: ByOption,
    reason: ReasonOption,
    as_json: JsonOption = False,
) -> None:
    """Turn a proposed entry down; it stays on record."""
    _decide(home, manual_id, approved=False, by=by, reason=reason, as_json=as_json)


@app.command()
def export(
    home: HomeOption,
    format_: Annotated[
        str,
        typer.Option(
            "--format",
            help="hledger, beancount, csv, csv-quickbooks, csv-xero, csv-datev-like or focus.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="The file to write.", show_default=False)],
    from_: FromOption = None,
    until: UntilOption = None,
    with_proposed: ProposedOption = False,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write the journal for another program, or invoice lines as FOCUS columns. The same ledger gives the
    same bytes."""
    from tieout.flows.export_ledger import export_ledger

    may_write(out, force=force)
    with opened(home) as where:
        done = export_ledger(where, format_, out, since=from_, until=until, with_proposed=with_proposed)
        _note_unposted(where)
    if as_json:
        facts: dict[str, Json] = {"file": str(out), "format": done.format}
        beside: dict[str, Json] = {"proposed": done.proposed} if with_proposed else {}
        print_json({**facts, "records": done.records, **beside, "sha256": done.sha256})
        return
    of_them = f" ({grouped(str(done.proposed))} of them proposed, not posted)" if with_proposed else ""
    note(f"{out}: {grouped(str(done.records))} {done.what}{of_them}, SHA-256 {done.sha256}")


def _decide(home: Path, manual_id: str, *, approved: bool, by: str, reason: str, as_json: bool) -> None:
    from tieout.flows.ledger import decide_entry

    with opened(home) as where:
        found, posted = decide_entry(where, manual_id, approved=approved, person=by, reason=reason)
    if as_json:
        booked = None if posted is None else entry_json(posted)
        print_json({**manual_json(found), "entry": booked})
    elif posted is None:
        note(f"Manual entry {found.id} is rejected; nothing is posted.")
    else:
        note(f"Manual entry {found.id} is posted, in {posted.accounting_period}.")


def _months(period: str | None, since: str | None, until: str | None) -> tuple[str | None, str | None]:
    if period is not None and (since is not None or until is not None):
        raise typer.BadParameter("--period is one month; it does not go with --from or --until")
    return (period, period) if period is not None else (since, until)


def _selected(
    where: Home,
    customer: str | None,
    invoice: str | None,
    account: str | None,
    months: tuple[str | None, str | None],
) -> Selection:
    from tieout.flows.ledger import selected

    since, last = months
    return selected(where, customer=customer, invoice=invoice, account=account, since=since, until=last)


def _note_unposted(where: Home) -> None:
    from tieout.flows.ledger import unposted

    count = unposted(where)
    if count:
        note(
            f"{count} invoices were sealed before there was a ledger and have no entries here; their "
            "balances come in by manual entries (`tieout ledger record`)."
        )


def _instant(text: str | None) -> Instant | None:
    from tieout.kernel.instant import parse_instant

    return None if text is None else parse_instant(text)
