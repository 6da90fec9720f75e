"""`tieout dispute ...`: an amount is contradicted: opened, shown, examined, decided."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from tieout.cli import dispute_acts, dispute_mock, dispute_owners
from tieout.cli.dispute_shown import day_text, dispute_page, disputes_table, owners_text, until_text
from tieout.cli.options import HomeOption, JsonOption, ReasonOption, opened
from tieout.cli.out_file import ForceOption, may_write, write_whole
from tieout.cli.screen import Json, grouped, note, print_json, say, table
from tieout.dispute.type import DisputeType
from tieout.kernel.errors import NotFound

if TYPE_CHECKING:
    from tieout.dispute.dispute import Dispute

app = typer.Typer(
    help="Disputes: who owns them; open, list, show, examine, decide; messages to the customer; a rehearsal.",
    no_args_is_help=True,
)
app.add_typer(dispute_owners.app, name="owners")
IdArgument = dispute_acts.IdArgument


class PackGone(NotFound):
    """There is no pack to write."""

    code = "dispute-pack-gone"

    def __init__(self, dispute: str, why: str) -> None:
        super().__init__(f"Dispute {dispute} has no pack to write: {why}.")


@app.command("types")
def types_(as_json: JsonOption = False) -> None:
    """The types: what each is about, to whom it goes, and how many days it may take."""
    from tieout.dispute.type import RULES

    if as_json:
        print_json(
            [
                {
                    "type": each.value,
                    "meaning": rule.meaning,
                    "routed_to": rule.routed_to.value,
                    "respond_days": rule.respond_days,
                    "decide_days": rule.decide_days,
                    "credit": rule.credit,
                }
                for each, rule in RULES.items()
            ]
        )
        return
    columns = ("type", "goes to", "respond>", "decide>", "credited as", "meaning")
    rows = [
        [
            *(each.value, rule.routed_to.value, f"{rule.respond_days} d", f"{rule.decide_days} d"),
            *(rule.credit, rule.meaning),
        ]
        for each, rule in RULES.items()
    ]
    say(table(columns, rows))


@app.command("open")
def open_(
    invoice: Annotated[str, typer.Argument(help="Its id (in_...) or its number.", show_default=False)],
    home: HomeOption,
    type_: Annotated[
        DisputeType, typer.Option("--type", help="See `tieout dispute types`.", show_default=False)
    ],
    by: Annotated[str, typer.Option("--by", help="Who opens it.", show_default=False)],
    reason: ReasonOption,
    line: Annotated[
        str | None,
        typer.Option(help="The line's id, or its last digits. Default: the invoice as a whole."),
    ] = None,
    amount: Annotated[
        str | None,
        typer.Option(
            help="A decimal: of a line before taxes that are added, of an invoice with them.",
            show_default=False,
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that is left of it.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Open a dispute: its evidence pack is built and kept; this amount alone is not collected meanwhile."""
    from tieout.dispute.opening import DisputeOrder
    from tieout.dispute.refused import DisputeRefused
    from tieout.flows.dispute_document import dispute_json
    from tieout.flows.open_dispute import open_dispute

    if (amount is None) != everything:
        raise DisputeRefused(["say either --amount or --all"])
    with opened(home) as where:
        done = open_dispute(where, DisputeOrder(invoice, line, type_, amount, reason), person=by)
        now = where.clock.now()
    dispute = done.dispute
    if as_json:
        print_json(cast("Json", {**dispute_json(dispute, now=now), "is_new": done.is_new}))
        return
    say(dispute.id)
    if not done.is_new:
        since = day_text(dispute.opened_at, dispute.zone_name)
        note(f"It is open already, since {since}." if dispute.is_open else _decided_text(dispute, since))
        return
    claim = dispute.claim
    note(
        f"{grouped(claim.money.decimal_text)} {claim.currency} of {claim.line or invoice} is disputed "
        f"({claim.type.value}). Owners: {owners_text(dispute)}."
    )
    note(
        f"Answer the customer by {until_text(dispute.deadlines.respond_by, dispute.zone_name)}, "
        f"decide by {until_text(dispute.deadlines.decide_by, dispute.zone_name)} "
        f"({dispute.zone_name})."
    )
    if dispute.pack is None:
        note("No pack could be built: what is stored is not what was sealed.")
    note(f"Next: tieout dispute examine {dispute.id}")


def _decided_text(dispute: Dispute, since: str) -> str:
    return (
        f"It was opened on {since} with the same words, and is {dispute.state.value}: nothing was recorded. "
        "What is left can be disputed for another reason; what was rejected or withdrawn is opened again by "
        f"ops: tieout dispute reopen {dispute.id}"
    )


@app.command("list")
def list_(
    home: HomeOption,
    customer: Annotated[str | None, typer.Option(help="Only this customer's.")] = None,
    overdue_only: Annotated[bool, typer.Option("--overdue", help="Only those that are overdue.")] = False,
    all_: Annotated[bool, typer.Option("--all", help="Also those that are decided.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Open disputes, by when they were opened."""
    from tieout.dispute.overdue import overdue
    from tieout.flows.dispute_document import dispute_json
    from tieout.flows.disputes import list_disputes

    with opened(home) as where:
        found = list_disputes(where, customer, decided_too=all_)
        now = where.clock.now()
    if overdue_only:
        found = tuple(each for each in found if overdue(each, now=now))
    if as_json:
        print_json([cast("Json", dispute_json(each, now=now)) for each in found])
    elif found:
        say(disputes_table(found, now=now))
    else:
        say("Nothing is overdue." if overdue_only else "Nothing is disputed.")


@app.command()
def show(dispute: IdArgument, home: HomeOption, as_json: JsonOption = False) -> None:
    """One dispute with all that was said and done, and how its messages were delivered."""
    from tieout.cli.screen import plain
    from tieout.flows.dispute_document import dispute_json, events_json, sent_json
    from tieout.flows.disputes import find_dispute, note_numbers
    from tieout.flows.say_dispute import sent_to_customer

    with opened(home) as where:
        found = find_dispute(where, dispute)
        sent, notes = sent_to_customer(where, found), note_numbers(where, found)
        now = where.clock.now()
    if as_json:
        said = {**dispute_json(found, now=now), "events": events_json(found), "messages": sent_json(sent)}
        print_json(cast("Json", said))
    else:
        say(plain(dispute_page(found, sent, notes, now=now)))


@app.command()
def pack(
    dispute: IdArgument,
    home: HomeOption,
    out: Annotated[Path, typer.Option(help="The pack's file.", show_default=False)],
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write the evidence pack that the dispute keeps to a file, to send it or to verify it elsewhere."""
    from tieout.flows.disputes import find_dispute

    may_write(out, force=force)
    with opened(home) as where:
        found = find_dispute(where, dispute)
        if found.pack is None:
            raise PackGone(found.id, "none could be built")
        content = where.kept_packs.read(found.pack.sha256)
        if content is None:
            raise PackGone(found.id, f"{where.kept_packs.place(found.pack.sha256)} is gone")
    write_whole(out, content)
    if as_json:
        print_json(
            {"file": str(out), "dispute": found.id, "sha256": found.pack.sha256, "bytes": len(content)}
        )
    else:
        say(f"{out}: {len(content):,} bytes. `tieout evidence verify {out} --key KEY` checks it.")


dispute_acts.add_to(app)
app.command("mock")(dispute_mock.mock)
