"""`tieout entitlements CUSTOMER`: what a customer may use now, and how much of it is left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.screen import grouped, print_json, say, table

if TYPE_CHECKING:
    from tieout.flows.entitlements import Entitlements
    from tieout.kernel.quantity import Quantity
    from tieout.trigger.entitlement import Entitlement


def entitlements(
    customer: Annotated[str, typer.Argument(help="The customer's key.", show_default=False)],
    home: HomeOption,
    feature: Annotated[
        str | None, typer.Option(help="Only this one. Default: all of the customer's plans.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Which features the customer may use now, why not, and what is left of them."""
    from tieout.flows.entitlements import EntitlementReader
    from tieout.flows.entitlements_document import entitlements_document
    from tieout.kernel.ids import CustomerId

    with opened(home) as where:
        found = EntitlementReader(where).entitlements(CustomerId(customer), feature)
    if as_json:
        print_json(entitlements_document(found))
    else:
        say_entitlements(found)


def say_entitlements(found: Entitlements) -> None:
    """The answer as tables."""
    from tieout.kernel.instant import format_instant

    if not found.subscriptions:
        say(f"No subscription of {found.customer} runs now.")
    if found.features:
        columns = ("feature", "allowed", "reason", "used>", "limit>", "remaining>", "unit", "until")
        title = f"{found.customer} at {format_instant(found.at)}, usage as of batch {found.watermark}"
        say(table(columns, [_row(each) for each in found.features], title=title))
    elif found.subscriptions:
        say(f"The plans of {found.customer} name no features.")
    free = [
        [
            *(each.feature, left.price, grouped(str(left.included))),
            *(_quantity(left.used), _quantity(left.remaining), left.unit),
        ]
        for each in found.features
        if each.metering is not None
        for left in each.metering.allowances
    ]
    if free:
        say(table(("feature", "price", "included>", "used>", "free of charge>", "unit"), free))
    for held in found.holds:
        of = ", ".join(held.features) or "everything"
        end = "somebody releases it" if held.until is None else format_instant(held.until)
        say(f"Held from {of} until {end}: {held.id}")


def _row(found: Entitlement) -> list[str]:
    from tieout.kernel.instant import format_instant

    metering = found.metering
    return [
        found.feature,
        "yes" if found.allowed else "no",
        found.reason.value,
        "-" if metering is None else _quantity(metering.used),
        "-" if found.limit is None else f"{grouped(str(found.limit))} {found.kind or ''}".strip(),
        "-" if found.limit is None else _quantity(found.remaining),
        "-" if metering is None else metering.unit,
        "-" if found.until is None else format_instant(found.until),
    ]


def _quantity(found: Quantity | None) -> str:
    return "unmeasurable" if found is None else grouped(str(found))
