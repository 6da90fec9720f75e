"""`tieout reconcile ...`: what does not tie, what it holds, and what a repair changes of what was shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli import waiver
from tieout.cli.breaks_shown import break_json, break_text, recorded_json, recorded_table
from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.screen import Json, grouped, note, plain, print_json, say, table

if TYPE_CHECKING:
    from tieout.close.breaks import Break
    from tieout.flows.reconcile_now import Reconciliation, Rerun

app = typer.Typer(
    help="What does not tie: list, show, run, rerun after a repair, approve, waive what a source states.",
    no_args_is_help=True,
)
app.add_typer(waiver.app, name="waiver")

ByOption = Annotated[str, typer.Option("--by", help="Who decides.", show_default=False)]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why.", show_default=False)]
TIES = "received = dispositions, raw events = snapshots = rated quantities, charges = lines = totals = ledger"


@app.command("list")
def list_(home: HomeOption, as_json: JsonOption = False) -> None:
    """What holds invoices now, by the last close that looked at each account, and what it noted.

    Exit code 1 when something holds an invoice.
    """
    from tieout.close.breaks import Reach
    from tieout.flows.reconcile_now import open_breaks

    with opened(home) as where:
        found = open_breaks(where)
    if as_json:
        print_json([recorded_json(each) for each in found])
    else:
        say(recorded_table(found))
    if any(each.found.reach is not Reach.NOTED for each in found):
        raise typer.Exit(1)


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="CUSTOMER|INVOICE", help="A customer, or an invoice's id.")],
    home: HomeOption,
    as_json: JsonOption = False,
) -> None:
    """Every break that a close ever found of it, repaired ones too, by close."""
    from tieout.flows.reconcile_now import breaks_of

    with opened(home) as where:
        found = breaks_of(where, name)
    if as_json:
        print_json([recorded_json(each) for each in found])
    else:
        say(recorded_table(found))


@app.command()
def run(
    home: HomeOption,
    customer: Annotated[list[str] | None, typer.Option(help="Only this customer; may be repeated.")] = None,
    start: Annotated[
        str | None, typer.Option("--from", help="Periods that end after this RFC 3339 instant.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", help="Periods that start before this RFC 3339 instant.")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="What is due at this RFC 3339 instant. Default: now.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Work out every tie of what is due, and write nothing. With --from or --until, sealed invoices of that
    time are computed again too.

    Exit code 1 when something does not tie.
    """
    from tieout.close.outcome import WAITING, outcome_name
    from tieout.flows.reconcile_now import reconcile_now
    from tieout.kernel.ids import CustomerId
    from tieout.kernel.instant import parse_instant

    with opened(home) as where:
        found = reconcile_now(
            where,
            as_of=where.clock.now() if as_of is None else parse_instant(as_of),
            customers=tuple(CustomerId(key) for key in customer) if customer else None,
            start=None if start is None else parse_instant(start),
            until=None if until is None else parse_instant(until),
        )
    if as_json:
        print_json(_run_json(found))
    else:
        _say_run(found)
    waits = any(outcome_name(outcome) in WAITING for _, _, outcome in found.outcomes)
    if waits or found.cycle or found.drifted:
        raise typer.Exit(1)


@app.command()
def rerun(
    name: Annotated[str, typer.Argument(metavar="CUSTOMER|INVOICE", help="Whose papers a repair touches.")],
    home: HomeOption,
    by: ByOption,
    reason: ReasonOption,
    as_json: JsonOption = False,
) -> None:
    """After a repair: draft its open drafts anew, and work out what has become of its sealed periods. What
    changes anything that was shown waits for `approve`.

    Exit code 1 when something is held or parked.
    """
    from tieout.close.outcome import WAITING, outcome_name
    from tieout.flows.reconcile_now import rerun as run_again

    with opened(home) as where:
        found = run_again(where, name, person=by, reason=reason)
    if as_json:
        print_json(_rerun_json(found))
    else:
        _say_rerun(found)
    outcomes = [outcome for _, outcome, _, _ in found.redrafted]
    outcomes += [] if found.due is None else [outcome for _, _, outcome in found.due.outcomes]
    stopped = found.sealed is not None and found.sealed.stopped
    if stopped or any(outcome_name(outcome) in WAITING for outcome in outcomes):
        raise typer.Exit(1)


@app.command()
def approve(
    digest: Annotated[
        str, typer.Argument(help="The delta report's, or 8 digits of it or more.", show_default=False)
    ],
    home: HomeOption,
    by: ByOption,
    reason: ReasonOption,
    as_json: JsonOption = False,
) -> None:
    """Let a delta report be billed by the next close: another person than who ran it."""
    from tieout.flows.reconcile_now import approve as decide
    from tieout.kernel.instant import format_instant

    with opened(home) as where:
        done = decide(where, digest, person=by, reason=reason)
    if as_json:
        told: dict[str, Json] = {"digest": done.digest, "of": done.what, "approved_by": done.person}
        before = {} if done.before is None else {"approved_before": format_instant(done.before)}
        print_json({**told, **before})
    elif done.before is not None:
        at = format_instant(done.before)
        say(plain(f"{done.digest} of {done.what} is approved already, by {done.person} at {at}."))
    else:
        say(plain(f"{done.digest} of {done.what} is approved by {done.person}; the next close bills it."))


def _say_run(found: Reconciliation) -> None:
    from collections import Counter

    from tieout.cli.close import why
    from tieout.close.outcome import WAITING, outcome_name

    counts = Counter(outcome_name(outcome).value for _, _, outcome in found.outcomes)
    names = {"sealed": "would be sealed"}
    said = ", ".join(f"{grouped(str(n))} {names.get(name, name)}" for name, n in sorted(counts.items()))
    note(f"Nothing was written. Ties: {TIES}.")
    say(said or "Nothing is due.")
    if found.cycle:
        say(_breaks_table([("every account", each) for each in found.cycle]))
    waiting = [
        [customer, outcome_name(outcome).value, *why(outcome)]
        for customer, _, outcome in found.outcomes
        if outcome_name(outcome) in WAITING
    ]
    if waiting:
        say(table(("customer", "outcome", "why", "next action"), waiting))
    if found.sealed:
        say(f"{grouped(str(found.sealed))} sealed computed again, {len(found.drifted)} came out otherwise.")
    if found.drifted:
        say(_breaks_table([(invoice, each) for invoice, breaks in found.drifted for each in breaks]))


def _breaks_table(found: list[tuple[str, Break]]):  # type: ignore[no-untyped-def] # a rich table
    rows = ([of, each.reach.value, break_text(each), each.next_action] for of, each in found)
    return table(("of", "holds", "break", "next action"), rows)


def _run_json(found: Reconciliation) -> Json:
    from tieout.cli.close import outcome_json
    from tieout.kernel.instant import format_instant

    return {
        "as_of": format_instant(found.as_of),
        "outcomes": [
            {
                "customer": customer,
                "period": None
                if period is None
                else {"start": format_instant(period.start), "end": format_instant(period.end)},
                **outcome_json(outcome),
            }
            for customer, period, outcome in found.outcomes
        ],
        "cycle": [break_json(each) for each in found.cycle],
        "sealed_computed_again": found.sealed,
        "drifted": [
            {"invoice": invoice, "breaks": [break_json(each) for each in breaks]}
            for invoice, breaks in found.drifted
        ],
    }


def _say_rerun(found: Rerun) -> None:
    from tieout.cli.close import say_close, why
    from tieout.cli.correction import say_preview
    from tieout.cli.draft_shown import say_difference
    from tieout.close.outcome import outcome_name

    for invoice, outcome, difference, delta in found.redrafted:
        say(plain(f"Draft {invoice}: {outcome_name(outcome).value}. {'; '.join(why(outcome))}"))
        if difference is not None:
            say_difference(difference, digest=delta)
    if found.sealed is not None:
        note("Sealed periods, as known now:")
        say_preview(found.sealed)
    if found.due is not None:
        note("What is due, as a close would have it now (nothing of this was written):")
        say_close(found.due)


def _rerun_json(found: Rerun) -> Json:
    from tieout.cli.close import outcome_json
    from tieout.cli.correction import preview_json
    from tieout.cli.draft_shown import difference_json

    return {
        "redrafted": [
            {
                "invoice": invoice,
                **outcome_json(outcome),
                "difference": None if difference is None else difference_json(difference),
                "delta": delta,
            }
            for invoice, outcome, difference, delta in found.redrafted
        ],
        "sealed": None if found.sealed is None else preview_json(found.sealed),
        "due": []
        if found.due is None
        else [{"customer": customer, **outcome_json(outcome)} for customer, _, outcome in found.due.outcomes],
    }
