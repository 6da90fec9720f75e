"""`tieout draft ...`: drafts in review, what people say about them, and drafting them anew."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli import draft_lines
from tieout.cli.draft_shown import (
    SHORT_DIGITS,
    difference_json,
    draft_json,
    entry_json,
    proposed_json,
    say_difference,
    say_drafts,
    say_entries,
    say_history,
    say_proposed,
)
from tieout.cli.options import ByOption, HomeOption, JsonOption, ReasonOption, opened
from tieout.cli.screen import Json, print_json, say
from tieout.cli.screen import note as tell

if TYPE_CHECKING:
    from tieout.close.review import Standing, StoredDraft
    from tieout.flows.drafts import DraftView, Said

app = typer.Typer(
    help="Drafts in review: list, show, note, approve, redraft; lines by hand.", no_args_is_help=True
)
READ = "read and found right"
DraftArgument = Annotated[
    str, typer.Argument(metavar="INVOICE", help="The id of its invoice (in_...).", show_default=False)
]


@app.command("list")
def list_(
    home: HomeOption,
    customer: Annotated[
        str | None, typer.Option(help="Only this customer's, those that are sealed too.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Every draft that waits, and what for."""
    from tieout.flows.drafts import list_drafts

    with opened(home) as where:
        rows = list_drafts(where, customer)
    if as_json:
        print_json([draft_json(row.draft, row.stands, row.number) for row in rows])
    else:
        say_drafts(rows)


@app.command()
def show(
    invoice: DraftArgument,
    home: HomeOption,
    revision: Annotated[int | None, typer.Option(help="An earlier revision.", min=1)] = None,
    as_json: JsonOption = False,
) -> None:
    """One draft as a person reads it, what was said about it, and what it waits for."""
    from tieout.flows.drafts import show_draft

    with opened(home) as where:
        view = show_draft(where, invoice, revision)
    if as_json:
        print_json(_view_json(view))
    else:
        _say_view(view)


@app.command()
def history(invoice: DraftArgument, home: HomeOption, as_json: JsonOption = False) -> None:
    """Every revision: when, by whom, why, with which cutoff."""
    from tieout.flows.drafts import draft_history

    with opened(home) as where:
        revisions = draft_history(where, invoice)
    if as_json:
        print_json([draft_json(each) for each in revisions])
    else:
        say_history(revisions)


@app.command()
def diff(
    invoice: DraftArgument,
    home: HomeOption,
    before: Annotated[int, typer.Option(help="The earlier revision.", min=1)],
    after: Annotated[int, typer.Option(help="The later revision.", min=1)],
    as_json: JsonOption = False,
) -> None:
    """What changed between two revisions, line by line."""
    from tieout.flows.drafts import compare_drafts

    with opened(home) as where:
        found = compare_drafts(where, invoice, before, after)
    if as_json:
        print_json(difference_json(found))
    else:
        say_difference(found)


@app.command()
def note(
    invoice: DraftArgument,
    home: HomeOption,
    by: ByOption,
    text: Annotated[str, typer.Option(help="What is to be said.")],
    as_json: JsonOption = False,
) -> None:
    """Say something about a draft; it changes nothing else."""
    from tieout.flows.drafts import note_draft

    with opened(home) as where:
        _done(note_draft(where, invoice, person=by, text=text), as_json=as_json)


@app.command("object")
def object_(
    invoice: DraftArgument, home: HomeOption, by: ByOption, reason: ReasonOption, as_json: JsonOption = False
) -> None:
    """Keep a draft from being sealed until it is approved after this, or drafted anew."""
    from tieout.flows.drafts import object_to_draft

    with opened(home) as where:
        _done(object_to_draft(where, invoice, person=by, reason=reason), as_json=as_json)


@app.command()
def approve(
    invoice: DraftArgument,
    home: HomeOption,
    by: ByOption,
    sha256: Annotated[str, typer.Option(help="That of the revision you read, or its first digits.")],
    reason: Annotated[str, typer.Option("--reason", help="Why.")] = READ,
    as_json: JsonOption = False,
) -> None:
    """Approve exactly these bytes; the next close seals them, even before the review ends."""
    from tieout.flows.drafts import approve_draft

    with opened(home) as where:
        _done(approve_draft(where, invoice, sha256=sha256, person=by, reason=reason), as_json=as_json)


@app.command("approve-delta")
def approve_delta(
    invoice: DraftArgument,
    home: HomeOption,
    by: ByOption,
    digest: Annotated[str, typer.Option(help="That of the difference you read, or its first digits.")],
    reason: Annotated[str, typer.Option("--reason", help="Why.")] = READ,
    as_json: JsonOption = False,
) -> None:
    """Approve what events changed of a draft that was shown before: another person than who redrafted."""
    from tieout.flows.drafts import approve_delta as approve_it

    with opened(home) as where:
        _done(approve_it(where, invoice, digest=digest, person=by, reason=reason), as_json=as_json)


@app.command()
def redraft(
    invoice: DraftArgument,
    home: HomeOption,
    by: ByOption,
    reason: ReasonOption,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would become of it.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Draft it anew with all that the log holds now, and show the difference.

    Exit code 1 when it is held or parked.
    """
    from tieout.cli.close import outcome_json, why
    from tieout.close.outcome import WAITING, outcome_name
    from tieout.flows.drafts import redraft as draft_anew

    with opened(home) as where:
        outcome, view = draft_anew(where, invoice, person=by, reason=reason, dry_run=dry_run)
    if as_json:
        print_json(
            {"dry_run": dry_run, **outcome_json(outcome), "draft": None if view is None else _view_json(view)}
        )
    elif view is not None:
        _say_view(view, page=False)
    else:
        say(f"{outcome_name(outcome).value}: {'; '.join(why(outcome))}")
    if outcome_name(outcome) in WAITING:
        raise typer.Exit(1)


def _done(said: Said, *, as_json: bool) -> None:
    from tieout.kernel.instant import format_instant

    entry = said.entry
    if as_json:
        print_json({**entry_json(entry), "is_new": said.is_new})
        return
    what = "" if entry.sha256 is None else f" of {entry.sha256}"
    if not said.is_new:
        at = format_instant(entry.recorded_at)
        tell(f"{entry.kind.value}{what} by {entry.person} is recorded already, at {at}; nothing has changed.")
        return
    tell(f"{entry.kind.value}{what} by {entry.person} is recorded with revision {entry.revision}.")


def _say_view(view: DraftView, *, page: bool = True) -> None:
    from tieout.cli.invoice_page import invoice_page
    from tieout.invoice.stored_document import read_document

    draft = view.draft
    if page:
        say(invoice_page(read_document(draft.invoice, draft.document)))
    if page:
        say_proposed(view.proposed)
    say_history((draft,))
    if view.difference is not None:
        say_difference(view.difference, digest=draft.delta)
    say_entries(view.entries, view.void)
    if view.number is not None:
        say(f"Sealed as {view.number}.")
    elif draft.revision != view.latest:
        say(f"Revision {view.latest} is the latest; this one is history.")
    elif view.stands.may_be_sealed:
        say("The next close seals it.")
    else:
        say(f"It waits for {view.stands.waits_for}.")
        tell(f"To approve it: {_approving(draft, view.stands)} --by YOUR_NAME")


def _approving(draft: StoredDraft, stands: Standing) -> str:
    from tieout.close.review import DIGEST_SHOWN

    if draft.delta is not None and draft.delta[:DIGEST_SHOWN] in stands.waits_for:
        return f"tieout draft approve-delta {draft.invoice} --digest {draft.delta[:SHORT_DIGITS]}"
    return f"tieout draft approve {draft.invoice} --sha256 {draft.sha256[:SHORT_DIGITS]}"


def _view_json(view: DraftView) -> dict[str, Json]:
    draft = view.draft
    return {
        **draft_json(draft, view.stands, view.number),
        "latest_revision": view.latest,
        "entries": [entry_json(each) for each in view.entries],
        "void_approvals": [entry_json(each) for each in view.void],
        "difference": None if view.difference is None else difference_json(view.difference),
        "proposed_entries": proposed_json(view.proposed),
        "document": json.loads(draft.document, parse_float=str),
    }


app.command("lines")(draft_lines.lines)
app.command("add-line")(draft_lines.add_line)
app.command("approve-line")(draft_lines.approve_line)
app.command("reject-line")(draft_lines.reject_line)
