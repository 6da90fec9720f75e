"""`tieout review list|decide`: what charge controls ask a person to look at."""

from __future__ import annotations

from typing import Annotated

import typer

from tieout.cli.hold import FeatureOption, UntilOption
from tieout.cli.options import ByOption, HomeOption, JsonOption, ReasonOption, opened
from tieout.cli.screen import print_json, say
from tieout.cli.trigger_shown import hold_json, review_json, reviews_table
from tieout.trigger.charge.control import ReviewDecision

app = typer.Typer(help="Reviews that charge controls ask for: list, decide.", no_args_is_help=True)


@app.command("list")
def list_(
    home: HomeOption,
    all_: Annotated[bool, typer.Option("--all", help="Also those that were decided.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Reviews that wait for a person."""
    from tieout.flows.triggers import list_reviews

    with opened(home) as where:
        found = list_reviews(where, decided_too=all_)
    if as_json:
        print_json([review_json(each) for each in found])
    elif found:
        say(reviews_table(found))
    else:
        say("No review waits.")


@app.command()
def decide(
    review: Annotated[str, typer.Argument(help="Its id, or the beginning of it.", show_default=False)],
    decision: Annotated[ReviewDecision, typer.Argument(help="What is done about it.", show_default=False)],
    home: HomeOption,
    by: ByOption,
    reason: ReasonOption,
    feature: FeatureOption = None,
    until: UntilOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide a review, once: dismiss it, or hold the customer."""
    from tieout.flows.triggers import decide_review
    from tieout.kernel.instant import parse_instant

    end = None if until is None else parse_instant(until)
    with opened(home) as where:
        decided, held = decide_review(
            where, review, decision, features=feature or (), until=end, person=by, reason=reason
        )
    if as_json:
        print_json(
            {"review": review_json(decided), "hold": None if held is None else hold_json(held)},
        )
    else:
        say(f"Review {decided.id} of {decided.customer} is decided: {decision.value}.")
        if held is not None:
            say(f"{held.customer} is held: {held.id}")
