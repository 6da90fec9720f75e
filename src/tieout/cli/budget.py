"""`tieout budget set|show|remove|decisions`: what a customer means to spend, as it could set it itself."""

from __future__ import annotations

from typing import Annotated

import typer

from tieout.cli.options import (
    ByOption,
    CustomerOption,
    HomeOption,
    JsonOption,
    ReasonOption,
    opened,
)
from tieout.cli.screen import note, print_json, say, table

app = typer.Typer(
    help="A customer's own budget: set, show, remove; and all that was decided about its own.",
    no_args_is_help=True,
)


@app.command("set")
def set_(
    amount: Annotated[str, typer.Argument(help="For each billing period.", show_default=False)],
    home: HomeOption,
    customer: CustomerOption,
    by: ByOption,
    reason: ReasonOption,
    currency: Annotated[str | None, typer.Option(help="The customer's, if left out.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Set or change it on the customer's behalf. The customer's own alerts are measured by it, no others."""
    from tieout.flows.own_changes import decided_by, set_budget
    from tieout.flows.own_document import budget_json
    from tieout.kernel.canonical import JsonValue

    said: dict[str, JsonValue] = {"amount": amount} | ({} if currency is None else {"currency": currency})
    with opened(home) as where:
        found = set_budget(where, customer, said, decided_by(where, by, reason))
    if as_json:
        print_json(budget_json(found))
    else:
        note(f"{customer} has a budget of {amount} {found.currency} for each billing period.")


@app.command()
def show(home: HomeOption, customer: CustomerOption, as_json: JsonOption = False) -> None:
    """The budget that the customer has set for itself."""
    from tieout.flows.own_document import budget_json, own_budget
    from tieout.kernel.instant import format_instant
    from tieout.kernel.rational import exact_text

    with opened(home) as where:
        found = own_budget(where, customer)
    if as_json:
        print_json(budget_json(found))
    else:
        since, amount = format_instant(found.effective_from), exact_text(found.amount)
        say(f"{amount} {found.currency} for each billing period, v{found.version} of {since}")


@app.command()
def remove(home: HomeOption, customer: CustomerOption, by: ByOption, reason: ReasonOption) -> None:
    """Remove it; alerts in percent of it are not read then."""
    from tieout.flows.own_changes import decided_by, remove_own
    from tieout.flows.own_settings import BUDGET_KEY
    from tieout.ports.own_settings import SettingKind

    with opened(home) as where:
        remove_own(where, customer, SettingKind.BUDGET, BUDGET_KEY, decided_by(where, by, reason))
    note(f"{customer} has no budget any more.")


@app.command()
def decisions(home: HomeOption, customer: CustomerOption, as_json: JsonOption = False) -> None:
    """Who set or removed what of the customer's own, when: budget, alerts and targets."""
    from tieout.flows.own_document import decision_json, own_decisions

    with opened(home) as where:
        found = [decision_json(each) for each in own_decisions(where, customer)]
    if as_json:
        print_json(found)
        return
    if not found:
        say(f"Nothing was ever set for {customer}.")
        return
    rows = (
        [
            str(each["at"]),
            str(each["kind"]),
            str(each["key"]),
            f"v{each['version']}",
            "removed" if each["removed"] else "set",
            str(each["person"] or f"key {each['api_key']}"),
            str(each["reason"] or "-"),
        ]
        for each in found
    )
    say(table(("at", "what", "key", "version", "was", "by", "why"), rows))
