"""`tieout hold list|place|release`: whose features are refused, since when, why, and until when."""

from __future__ import annotations

from typing import Annotated

import typer

from tieout.cli.options import ByOption, HomeOption, JsonOption, ReasonOption, opened
from tieout.cli.screen import print_json, say
from tieout.cli.trigger_shown import hold_json, holds_table

app = typer.Typer(
    help="Holds: list, place, release. Events that still arrive are accepted and billed.",
    no_args_is_help=True,
)
FeatureOption = Annotated[
    list[str] | None, typer.Option("--feature", help="Only this feature; may be repeated. Default: all.")
]
UntilOption = Annotated[
    str | None, typer.Option(help="When it ends by itself (RFC 3339). Default: when somebody releases it.")
]


@app.command("list")
def list_(
    home: HomeOption,
    customer: Annotated[str | None, typer.Option(help="Only this customer's.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Also those released or run out.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Holds that stand."""
    from tieout.flows.triggers import list_holds

    with opened(home) as where:
        found = list_holds(where, customer, released_too=all_)
    if as_json:
        print_json([hold_json(each) for each in found])
    elif found:
        say(holds_table(found))
    else:
        say("Nobody is held.")


@app.command()
def place(
    customer: Annotated[str, typer.Argument(help="The customer's key.", show_default=False)],
    home: HomeOption,
    by: ByOption,
    reason: ReasonOption,
    feature: FeatureOption = None,
    until: UntilOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hold a customer: its features are refused until a person releases it."""
    from tieout.flows.triggers import place_hold
    from tieout.kernel.instant import format_instant, parse_instant

    end = None if until is None else parse_instant(until)
    with opened(home) as where:
        placed = place_hold(where, customer, features=feature or (), until=end, person=by, reason=reason)
    held = placed.hold
    if as_json:
        print_json({**hold_json(held), "is_new": placed.is_new})
    elif placed.is_new:
        say(f"{customer} is held: {held.id}")
    else:
        at = format_instant(held.placed_at)
        say(f"{customer} is held already, by {held.placed_by} at {at}: {held.id}")


@app.command()
def release(
    hold: Annotated[str, typer.Argument(help="Its id, or the beginning of it.", show_default=False)],
    home: HomeOption,
    by: ByOption,
    reason: ReasonOption,
    as_json: JsonOption = False,
) -> None:
    """End a hold now."""
    from tieout.flows.triggers import release_hold

    with opened(home) as where:
        held = release_hold(where, hold, person=by, reason=reason)
    if as_json:
        print_json(hold_json(held))
    else:
        say(f"{held.customer} is not held by {held.id} any more.")
