"""`tieout dispute owners set|show`: who answers for disputes."""

from __future__ import annotations

from typing import Annotated, cast

import typer

from tieout.cli.options import ByOption, HomeOption, JsonOption, ReasonOption, opened
from tieout.cli.screen import Json, note, plain, print_json, say

app = typer.Typer(help="Who owns disputes: set, show.", no_args_is_help=True)
PersonsOption = list[str] | None
TargetsOption = Annotated[
    list[str] | None,
    typer.Option(help="Where this role is told: a notice target. May be repeated.", show_default=False),
]


@app.command("set")
def set_(
    home: HomeOption,
    by: ByOption,
    reason: ReasonOption,
    ops: Annotated[
        PersonsOption,
        typer.Option("--ops", help="Answers customers. May be repeated; the first owns new disputes."),
    ] = None,
    engineering: Annotated[
        PersonsOption, typer.Option("--engineering", help="Answers for defects. May be repeated.")
    ] = None,
    finance: Annotated[
        PersonsOption, typer.Option("--finance", help="Approves what is given back. May be repeated.")
    ] = None,
    ops_target: TargetsOption = None,
    engineering_target: TargetsOption = None,
    finance_target: TargetsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Name persons by role. A role that is left out stays as it is; what was named before stays on record."""
    from tieout.cli.dispute_shown import owners_page
    from tieout.dispute.role import Role
    from tieout.flows.dispute_document import owners_json
    from tieout.flows.dispute_owners import name_owners

    persons = {Role.OPS: ops or [], Role.ENGINEERING: engineering or [], Role.FINANCE: finance or []}
    targets = {
        Role.OPS: ops_target or [],
        Role.ENGINEERING: engineering_target or [],
        Role.FINANCE: finance_target or [],
    }
    with opened(home) as where:
        named = name_owners(where, persons, targets, person=by, reason=reason)
    if as_json:
        print_json(cast("Json", owners_json(named)))
    else:
        say(plain(owners_page(named)))


@app.command()
def show(home: HomeOption, as_json: JsonOption = False) -> None:
    """Who is named now. Exit code 1 where a role has nobody."""
    from tieout.cli.dispute_shown import owners_page
    from tieout.flows.dispute_document import owners_json
    from tieout.flows.disputes import owners_named

    with opened(home) as where:
        found = owners_named(where)
    if as_json:
        print_json(cast("Json", owners_json(found)))
    else:
        say(plain(owners_page(found)))
    if found.missing:
        roles = ", ".join(each.value for each in found.missing)
        note(f"Nobody is named for {roles}: tieout dispute owners set --ops NAME --engineering NAME ...")
        raise typer.Exit(1)
