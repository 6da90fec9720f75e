"""`tieout price explain|simulate`: what a price asks, and what another one would have asked. Nothing is
billed."""

from __future__ import annotations

import re
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.price_approvals import approve, pending, request, sign
from tieout.cli.refusals import MalformedOption
from tieout.cli.screen import Json, grouped, note, plain, print_json, say, table

if TYPE_CHECKING:
    from tieout.flows.explain_price import Explained
    from tieout.kernel.period import Period
    from tieout.kernel.quantity import Quantity

app = typer.Typer(help="Prices: explain one, simulate others, have them signed.", no_args_is_help=True)
for verb in (pending, request, sign, approve):
    app.command()(verb)

OptionalHome = Annotated[
    Path | None, typer.Option("--home", envvar="TIEOUT_HOME", help="The data folder.", show_default=False)
]
CatalogOption = Annotated[
    Path | None,
    typer.Option(
        "--catalog", help="TOML documents that are not applied, laid over the home's.", show_default=False
    ),
]
DIMENSION_PATTERN = re.compile(r"([a-z][a-z0-9_]*|source|subject)=(.*)\Z", re.DOTALL)


@app.command()
def explain(
    price: Annotated[str, typer.Argument(help="The price's key.", show_default=False)],
    home: OptionalHome = None,
    catalog: CatalogOption = None,
    quantity: Annotated[
        str | None, typer.Option(help="Usage, in the meter's unit; of a flat fee, how often it is due.")
    ] = None,
    amount: Annotated[str | None, typer.Option(help="Money, where the price takes a share of it.")] = None,
    events: Annotated[
        int | None, typer.Option(min=0, help="In how many events. Default: one, or as many as are counted.")
    ] = None,
    dimension: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE of a dimension; again for another.")
    ] = None,
    prior: Annotated[
        str | None, typer.Option(help="Usage of earlier parts of the period, where tiers continue.")
    ] = None,
    version: Annotated[int | None, typer.Option(help="Of the price. Default: the one in force.")] = None,
    period: Annotated[
        str | None, typer.Option(help="FROM/UNTIL of the billing period. Default: the calendar month, UTC.")
    ] = None,
    segment: Annotated[
        str | None, typer.Option(help="FROM/UNTIL of a part of the period. Default: all of it.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Rate a quantity against a price without any events, and show the working."""
    from tieout.flows.explain_price import catalog_to_explain
    from tieout.flows.explain_price import explain as explained
    from tieout.rate.hypothetical import HypotheticalUsage
    from tieout.wiring import SystemClock

    if home is None and catalog is None:
        raise MalformedOption("--home", "name a data folder, or documents by --catalog")
    usage = HypotheticalUsage(
        quantity=_quantity("--quantity", quantity),
        events=events,
        amount=_quantity("--amount", amount),
        dimensions=_dimensions(dimension or []),
        prior=_quantity("--prior", prior),
    )
    whole, part = _period("--period", period), _period("--segment", segment)
    with nullcontext() if home is None else opened(home) as where:
        found = explained(
            catalog_to_explain(where, catalog),
            price,
            usage,
            version=version,
            period=whole,
            segment=part,
            now=SystemClock().now() if where is None else where.clock.now(),
        )
    if as_json:
        print_json(_explained_json(found))
    else:
        _say_explained(found)
    note(f"Explained, not billed: {found.standing}.")


def _quantity(option: str, text: str | None) -> Quantity | None:
    from tieout.kernel.quantity import MalformedQuantity
    from tieout.kernel.quantity import Quantity as Read

    try:
        return None if text is None else Read.parse(text)
    except MalformedQuantity as error:
        raise MalformedOption(option, str(error).removesuffix(".")) from error


def _dimensions(texts: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        match = DIMENSION_PATTERN.match(text)
        if match is None or match.group(1) in found:
            why = "is not NAME=VALUE" if match is None else "names a dimension a second time"
            raise MalformedOption("--dimension", f"{text!a} {why}")
        found[match.group(1)] = match.group(2)
    return found


def _period(option: str, text: str | None) -> Period | None:
    from tieout.kernel.errors import Refusal
    from tieout.kernel.instant import parse_instant
    from tieout.kernel.period import Period as Read

    if text is None:
        return None
    start, slash, end = text.partition("/")
    if not slash:
        raise MalformedOption(option, f"{text!a} is not FROM/UNTIL, two RFC 3339 times")
    try:
        return Read(parse_instant(start), parse_instant(end))
    except Refusal as error:
        raise MalformedOption(option, str(error).removesuffix(".")) from error


def _say_explained(found: Explained) -> None:
    from tieout.rate.price_words import price_words

    price, charge = found.price, found.charge
    head = f"Price {price.key} version {price.version}: {price.description}"
    if found.program is not None:
        head += f", of program {found.program.name} ({found.program.reference})"
    say(plain(head))
    for text in price_words(price):
        say(plain(f"  {text}"))
    if charge.snapshot is not None:
        events = charge.snapshot.event_count
        named = ", ".join(f"{name} {value}" for name, value in sorted(found.usage.dimensions.items()))
        say(
            plain(
                f"Usage: {grouped(str(charge.quantity))} {charge.unit} in {grouped(str(events))} "
                f"event{'' if events == 1 else 's'}{f', {named}' if named else ''}"
            )
        )
    rows = ([step.text, grouped(amount)] for step, amount in zip(charge.steps, _amounts(found), strict=True))
    say(table(("working", f"exact amount ({price.currency})>"), rows))
    say(plain(found.settlement or "Exact to the minor unit: nothing was rounded."))
    say(plain(f"Total {grouped(found.amount.decimal_text)} {price.currency}, {found.standing}"))


def _amounts(found: Explained) -> list[str]:
    from tieout.kernel.rational import exact_text

    return [exact_text(step.amount) for step in found.charge.steps]


def _explained_json(found: Explained) -> Json:
    from tieout.kernel.instant import format_instant
    from tieout.kernel.rational import exact_text
    from tieout.rate.charge import steps_json
    from tieout.rate.price_words import price_words

    price, charge, program, meter = found.price, found.charge, found.program, found.meter
    snapshot, usage = charge.snapshot, found.usage
    return {
        "standing": found.standing,
        "price": {
            "key": price.key,
            "version": price.version,
            "effective_from": format_instant(price.effective_from),
            "digest": price.digest,
            "description": price.description,
            "terms": list(price_words(price)),
        },
        "program": None if program is None else {"key": program.key, "version": program.version},
        "meter": None if meter is None else {"key": meter.key, "version": meter.version, "unit": meter.unit},
        "usage": {
            "quantity": str(charge.quantity),
            "unit": charge.unit,
            "events": None if snapshot is None else snapshot.event_count,
            "amount": None if usage.amount is None else str(usage.amount),
            "dimensions": dict(sorted(usage.dimensions.items())),
            "prior": None if usage.prior is None else str(usage.prior),
        },
        "period": _period_json(charge.period),
        "segment": _period_json(charge.segment),
        "steps": steps_json(charge.steps),
        "exact_amount": exact_text(charge.amount),
        "rounding": price.rounding.value,
        "settlement": found.settlement,
        "amount": found.amount.decimal_text,
        "currency": price.currency,
    }


def _period_json(period: Period) -> Json:
    from tieout.kernel.instant import format_instant

    return {"start": format_instant(period.start), "end": format_instant(period.end)}


@app.command()
def simulate(
    home: HomeOption,
    catalog: Annotated[
        Path,
        typer.Option("--catalog", help="TOML documents, laid over the applied ones.", show_default=False),
    ],
    customer: Annotated[str | None, typer.Option(help="Only this customer's periods.")] = None,
    period: Annotated[str | None, typer.Option(help="YYYY-MM: periods that start in that month.")] = None,
    invoice: Annotated[str | None, typer.Option(help="Only the period of this invoice.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Rate closed periods again under another catalog, as of their sealed cutoff, and show the difference.

    Nothing is stored. Exit code 1 where anything would have been billed otherwise.
    """
    from tieout.cli.simulation import say_simulation, simulation_json
    from tieout.flows.simulate_prices import simulate as simulated
    from tieout.kernel.ids import CustomerId

    if period is not None and invoice is not None:
        raise MalformedOption("--invoice", "names its period; leave --period out")
    whose = None if customer is None else CustomerId(customer)
    with opened(home) as where:
        found = simulated(where, catalog, customer=whose, month=period, invoice=invoice)
    if as_json:
        print_json(simulation_json(found))
    else:
        say_simulation(found)
    if found.differs:
        raise typer.Exit(1)
