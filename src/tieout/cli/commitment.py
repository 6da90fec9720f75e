"""`tieout commitment list|show`: what was committed, what usage drew, what is left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.screen import Json, grouped, print_json, say, table
from tieout.cli.wallet import movement_json, movement_table

if TYPE_CHECKING:
    from tieout.flows.commitments import CommitmentView

app = typer.Typer(help="Commitments of subscriptions, as sealed invoices left them.", no_args_is_help=True)


@app.command("list")
def list_(home: HomeOption, as_json: JsonOption = False) -> None:
    """Every commitment of every subscription."""
    from tieout.flows.commitments import commitments

    with opened(home) as where:
        views = commitments(where)
    if as_json:
        print_json([_view_json(view) for view in views])
        return
    _say_views(views)


@app.command()
def show(
    subscription: Annotated[str, typer.Argument(help="The subscription's key.", show_default=False)],
    home: HomeOption,
    as_json: JsonOption = False,
) -> None:
    """The commitments of one subscription, with their movements."""
    from tieout.flows.commitments import commitments

    with opened(home) as where:
        views = commitments(where, subscription)
    if as_json:
        print_json([{**_view_json(view), "movements": _movements(view)} for view in views])
        return
    _say_views(views)
    movements = [each for view in views for each in view.movements]
    if movements:
        say(movement_table(movements))


def _movements(view: CommitmentView) -> list[Json]:
    return [movement_json(each) for each in view.movements]


def _say_views(views: tuple[CommitmentView, ...]) -> None:
    from tieout.kernel.instant import format_instant
    from tieout.kernel.rational import exact_text

    columns = (
        *("subscription", "commitment", "kind", "billing", "from", "ends", "amount>"),
        *("committed>", "usage>", "drawn>", "left>", "currency"),
    )
    rows = [
        [
            *(view.subscription, view.commitment.key, view.commitment.kind, _billing(view) or ""),
            *(format_instant(view.commitment.start), format_instant(view.ends_at)),
            grouped(exact_text(view.commitment.amount)),
            *(grouped(each.decimal_text) for each in (view.committed, view.metered, view.drawn, view.left)),
            view.left.currency.code,
        ]
        for view in views
    ]
    say(table(columns, rows))


def _billing(view: CommitmentView) -> str | None:
    return None if view.commitment.kind == "maximum" else view.commitment.billing


def _view_json(view: CommitmentView) -> dict[str, Json]:
    from tieout.kernel.instant import format_instant
    from tieout.kernel.rational import exact_text

    found = view.commitment
    return {
        "customer": view.customer,
        "subscription": view.subscription,
        "key": found.key,
        "kind": found.kind,
        "billing": _billing(view),
        "amount": exact_text(found.amount),
        "start": format_instant(found.start),
        "end": format_instant(view.ends_at),
        "currency": view.left.currency.code,
        "committed": view.committed.decimal_text,
        "usage": view.metered.decimal_text,
        "drawn": view.drawn.decimal_text,
        "left": view.left.decimal_text,
    }
