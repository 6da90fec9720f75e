"""What is done about a dispute: note, message, assign, examine, isolate, release, decide, reopen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from tieout.cli.dispute_shown import owners_text, until_text
from tieout.cli.options import ByOption, HomeOption, JsonOption, ReasonOption, opened
from tieout.cli.refusals import MalformedOption
from tieout.cli.screen import Json, grouped, note, print_json, say
from tieout.dispute.role import Role

if TYPE_CHECKING:
    from tieout.dispute.dispute import Dispute
    from tieout.flows.home import Home

DIFFERENCE = 1
IdArgument = Annotated[str, typer.Argument(help="Its id (dp_...), or the beginning.", show_default=False)]
TextOption = Annotated[str, typer.Option("--text", help="What is said.", show_default=False)]
WorkerOption = Annotated[str, typer.Option("--by", help="Who says it.", show_default=False)]
OutcomeName = Literal["upheld", "partly-upheld", "rejected", "withdrawn"]


def add_to(app: typer.Typer) -> None:
    """The verbs in the order of a dispute's life."""
    for verb in (note_, message, assign, examine, isolate, release, decide, reopen):
        app.command(verb.__name__.rstrip("_"))(verb)


def note_(
    dispute: IdArgument, home: HomeOption, by: WorkerOption, text: TextOption, as_json: JsonOption = False
) -> None:
    """Write something down for those who work on it; the customer does not see it."""
    from tieout.flows.say_dispute import note_dispute

    with opened(home) as where:
        found = note_dispute(where, dispute, person=by, text=text)
        _told(where, found, f"Noted, as number {found.last.ordinal} of {found.id}.", as_json=as_json)


def message(
    dispute: IdArgument, home: HomeOption, by: WorkerOption, text: TextOption, as_json: JsonOption = False
) -> None:
    """Write to the customer: kept with the dispute, and brought to the targets that it has set for itself."""
    from tieout.flows.say_dispute import message_customer, sent_to_customer, takers

    with opened(home) as where:
        found = message_customer(where, dispute, person=by, text=text)
        targets = takers(where, sent_to_customer(where, found)[-1])
        how = f"goes to {', '.join(targets)}" if targets else "no target of the customer's takes it: send it"
        _told(where, found, f"The message is on record; {how}.", as_json=as_json)


def assign(
    dispute: IdArgument,
    home: HomeOption,
    role: Annotated[Role, typer.Option(help="In which role.", show_default=False)],
    to: Annotated[str, typer.Option(help="The new owner.", show_default=False)],
    by: ByOption,
    reason: ReasonOption,
    as_json: JsonOption = False,
) -> None:
    """Give it to another owner of a role."""
    from tieout.flows.say_dispute import assign_dispute

    with opened(home) as where:
        found = assign_dispute(where, dispute, role, to=to, person=by, reason=reason)
        _told(where, found, f"Owners of {found.id}: {owners_text(found)}.", as_json=as_json)


def examine(
    dispute: IdArgument,
    home: HomeOption,
    by: Annotated[str, typer.Option("--by", help="Who looks, of ops or engineering.", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """Verify its pack and trace its lines anew. Exit code 1 where records conflict: then a hold stands."""
    from tieout.flows.examine_dispute import examine_dispute

    with opened(home) as where:
        found = examine_dispute(where, dispute, person=by)
        if found.hold is None:
            words = f"{found.id} is reproduced: the pack verifies, and the trace gives the same."
        else:
            words = _held_text(found)
        _told(where, found, words, as_json=as_json)
    if found.hold is not None:
        raise typer.Exit(DIFFERENCE)


def isolate(
    dispute: IdArgument, home: HomeOption, by: ByOption, reason: ReasonOption, as_json: JsonOption = False
) -> None:
    """Records conflict in a way that the evidence does not show: a hold, with two owners."""
    from tieout.flows.say_dispute import isolate_dispute

    with opened(home) as where:
        found = isolate_dispute(where, dispute, person=by, reason=reason)
        _told(where, found, _held_text(found), as_json=as_json)


def release(
    dispute: IdArgument,
    home: HomeOption,
    by: Annotated[str, typer.Option("--by", help="The hold's owner of engineering.", show_default=False)],
    agreed_by: Annotated[str, typer.Option(help="The hold's owner of ops.", show_default=False)],
    defect: Annotated[
        bool,
        typer.Option("--defect/--no-defect", help="Whether a defect of ours was found.", show_default=False),
    ],
    reason: ReasonOption,
    as_json: JsonOption = False,
) -> None:
    """End the hold: its two owners say what was found."""
    from tieout.flows.say_dispute import release_dispute

    with opened(home) as where:
        found = release_dispute(where, dispute, person=by, agreed_by=agreed_by, defect=defect, reason=reason)
        _told(where, found, f"{found.id} is not held any more.", as_json=as_json)


def decide(
    dispute: IdArgument,
    home: HomeOption,
    outcome: Annotated[OutcomeName, typer.Option(help="What is found right.", show_default=False)],
    by: ByOption,
    reason: ReasonOption,
    approved_by: Annotated[
        str | None,
        typer.Option(help="A person of finance, where anything is given back.", show_default=False),
    ] = None,
    amount: Annotated[
        str | None,
        typer.Option(help="Of a disputed line that is partly upheld: how much.", show_default=False),
    ] = None,
    credit: Annotated[
        list[str] | None,
        typer.Option(
            help="LINE=AMOUNT or LINE=all, of a whole invoice. May be repeated.", show_default=False
        ),
    ] = None,
    corrected: Annotated[
        bool, typer.Option("--corrected", help="A correction has given all of it back: no note.")
    ] = False,
    to: Annotated[
        Literal["balance", "refund"], typer.Option(help="Where goes what is not open any more.")
    ] = "balance",
    as_json: JsonOption = False,
) -> None:
    """Decide it, by the role that it went to. The evidence is examined first, where nobody has; what is given
    back is sealed as credit notes with the decision, or neither is there."""
    from tieout.dispute.decision import DecisionOrder
    from tieout.dispute.event import Outcome
    from tieout.dispute.state import Act
    from tieout.flows.decide_dispute import decide_dispute
    from tieout.flows.dispute_document import dispute_json
    from tieout.kernel.money import Money

    order = DecisionOrder(
        cast("Outcome", Act(outcome)), amount, tuple(_credit(each) for each in credit or ()), to, corrected
    )
    with opened(home) as where:
        done = decide_dispute(where, dispute, order, person=by, reason=reason, approved_by=approved_by)
        now = where.clock.now()
    found = done.dispute
    numbers = [each.note.number for each in done.notes]
    if as_json:
        print_json(cast("Json", {**dispute_json(found, now=now), "notes": numbers}))
        return
    say(f"{found.id}: {found.state.value}")
    unit = found.claim.currency
    for each in done.notes:
        given = Money(-each.note.total_minor, unit)
        note(
            f"{each.note.number}: {grouped(given.decimal_text)} {unit} for {each.credit.line}, "
            f"{grouped(each.applied.decimal_text)} of it against what is open."
        )
    note(f"Tell the customer: tieout dispute message {found.id} --by NAME --text ...")


def reopen(
    dispute: IdArgument, home: HomeOption, by: ByOption, reason: ReasonOption, as_json: JsonOption = False
) -> None:
    """Open one again that was rejected or withdrawn; what was given back stays, and is disputed anew."""
    from tieout.flows.say_dispute import reopen_dispute

    with opened(home) as where:
        found = reopen_dispute(where, dispute, person=by, reason=reason)
        until = until_text(found.deadlines.decide_by, found.zone_name)
        _told(where, found, f"{found.id} is open again, to be decided by {until}.", as_json=as_json)


def _credit(text: str) -> tuple[str, str | None]:
    line, equals, amount = text.partition("=")
    if not line or not equals or not amount:
        raise MalformedOption("--credit", "LINE=AMOUNT, such as 003=12.50, or LINE=all")
    return line, None if amount == "all" else amount


def _held_text(dispute: Dispute) -> str:
    hold = dispute.hold
    assert hold is not None, "it is isolated"
    return (
        f"{dispute.id} is isolated: {hold.reason}\n{hold.engineering} (engineering) answers for the defect, "
        f"{hold.ops} (ops) keeps the customer informed, next by "
        f"{until_text(dispute.update_by or hold.update_by, dispute.zone_name)}."
    )


def _told(home: Home, dispute: Dispute, words: str, *, as_json: bool) -> None:
    from tieout.cli.screen import plain
    from tieout.flows.dispute_document import dispute_json

    if as_json:
        print_json(cast("Json", dispute_json(dispute, now=home.clock.now())))
    else:
        say(plain(words))
