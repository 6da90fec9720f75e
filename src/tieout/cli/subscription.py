"""`tieout subscription list|show`: which customer is on which plan, and since when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.refusals import Unnamed
from tieout.cli.screen import Json, print_json, say, table

if TYPE_CHECKING:
    from tieout.contract.subscription import Phase, Subscription

app = typer.Typer(help="Subscriptions and their phases.", no_args_is_help=True)


@app.command("list")
def list_(
    home: HomeOption,
    customer: Annotated[str | None, typer.Option(help="Only this customer's.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Every subscription, one row per phase."""
    from tieout.flows.apply_catalog import load_catalog

    with opened(home) as where:
        subscriptions = load_catalog(where).subscriptions
        latest = [record for key in subscriptions.keys if (record := subscriptions.latest(key)) is not None]
    chosen = [found for found in latest if customer in (None, found.customer)]
    if as_json:
        print_json([_subscription_json(found) for found in chosen])
        return
    _say_phases(chosen)


@app.command()
def show(
    key: Annotated[str, typer.Argument(help="The subscription's key.", show_default=False)],
    home: HomeOption,
    as_json: JsonOption = False,
) -> None:
    """One subscription with its phases."""
    from tieout.flows.apply_catalog import load_catalog

    with opened(home) as where:
        versions = load_catalog(where).subscriptions.versions(key)
    if not versions:
        raise Unnamed("subscription", key)
    if as_json:
        print_json(_subscription_json(versions[-1]))
        return
    _say_phases([versions[-1]])


def _say_phases(subscriptions: list[Subscription]) -> None:
    from tieout.kernel.instant import format_instant

    columns = ("subscription", "version>", "customer", "plan", "plan version", "from", "until", "agreed")
    rows = (
        [
            found.key,
            str(found.version),
            found.customer,
            phase.plan,
            "in force" if phase.plan_version is None else str(phase.plan_version),
            format_instant(phase.start),
            "open" if phase.end is None else format_instant(phase.end),
            "\n".join(_agreed(phase)),
        ]
        for found in subscriptions
        for phase in found.phases
    )
    say(table(columns, rows))


def _agreed(phase: Phase) -> list[str]:
    """What the phase says beside its plan, in words."""
    from tieout.kernel.instant import format_instant

    said = [f"{price} x {quantity}" for price, quantity in phase.quantities]
    said += [f"{price} in place of {listed}" for listed, price in phase.prices]
    if phase.waived is not None:
        said.append(f"{phase.waived}: nothing is charged")
    if phase.grandfathered is not None:
        kept = phase.grandfathered
        said.append(f"prices as of {format_instant(kept.prices_as_of)}, then {kept.successor}")
    return said


def _phase_json(phase: Phase) -> Json:
    from tieout.kernel.instant import format_instant

    kept = phase.grandfathered
    return {
        "plan": phase.plan,
        "plan_version": phase.plan_version,
        "start": format_instant(phase.start),
        "end": None if phase.end is None else format_instant(phase.end),
        "quantities": {price: str(quantity) for price, quantity in phase.quantities},
        "prices": dict(phase.prices),
        "waived": phase.waived,
        "prices_as_of": None if kept is None else format_instant(kept.prices_as_of),
        "successor": None if kept is None else kept.successor,
    }


def _subscription_json(found: Subscription) -> Json:
    from tieout.kernel.instant import format_instant

    return {
        "key": found.key,
        "version": found.version,
        "customer": found.customer,
        "effective_from": format_instant(found.effective_from),
        "digest": found.digest,
        "phases": [_phase_json(phase) for phase in found.phases],
    }
