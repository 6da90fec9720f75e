"""`tieout program list|show|add`: fee programs shipped as data, each with its source and the day it was
read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.refusals import MalformedOption
from tieout.cli.screen import Json, note, print_json, say, table

if TYPE_CHECKING:
    from tieout.contract.price import Price
    from tieout.flows.shipped_programs import ShippedProgram

app = typer.Typer(help="Fee programs shipped as data: list, show, add.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(help="The program's key.", show_default=False)]


@app.command("list")
def list_(as_json: JsonOption = False) -> None:
    """Every shipped program with its source and the day as of which its fees are stated."""
    from tieout.flows.shipped_programs import list_programs

    found = list_programs()
    if as_json:
        print_json([_head_json(shipped) for shipped in found])
        return
    columns = ("program", "version>", "name", "currency", "as of", "source")
    rows = (
        [
            shipped.program.key,
            str(shipped.program.version),
            shipped.program.name,
            shipped.program.currency,
            shipped.program.as_of.isoformat(),
            shipped.program.source,
        ]
        for shipped in found
    )
    say(table(columns, rows))


@app.command()
def show(
    name: NameArgument,
    as_toml: Annotated[bool, typer.Option("--toml", help="Its documents, to copy and change.")] = False,
    as_json: JsonOption = False,
) -> None:
    """What a program charges, for what, and to whom."""
    from tieout.flows.shipped_programs import find_program

    if as_toml and as_json:
        raise MalformedOption("--toml", "stands beside --json; give one of the two")
    shipped = find_program(name)
    if as_toml:
        typer.echo(shipped.text, nl=False)
        return
    if as_json:
        print_json(_json(shipped))
        return
    program = shipped.program
    say(f"{program.name} (version {program.version}), charged to {program.charged_to}.")
    say(f"Fees as of {program.as_of.isoformat()}; compare them with {program.source} before use.")
    meters = {meter.key: meter for meter in shipped.meters}
    rows = (
        [price.key, price.description, _terms(price), meters[price.meter].definition if price.meter else ""]
        for price in shipped.prices
    )
    say(table(("price", "on the line", "terms", "of"), rows))
    types = ", ".join(contract.type for contract in shipped.contracts)
    note(f"It is fed by events of type {types}. To take it up: tieout program add {program.key}")


@app.command()
def add(
    name: NameArgument,
    home: HomeOption,
    since: Annotated[
        str | None,
        typer.Option("--from", help="From when it holds here, RFC 3339. Default: from its own instant."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Apply a program with its event contracts, meters and prices to a home, as `catalog apply` does."""
    from tieout.cli.catalog import added_json, say_refused
    from tieout.flows.apply_catalog import CatalogRefused
    from tieout.flows.shipped_programs import add_program
    from tieout.kernel.instant import parse_instant

    instant = None if since is None else parse_instant(since)
    try:
        with opened(home) as where:
            applied = add_program(where, name, since=instant)
    except CatalogRefused as refused:
        say_refused(refused, as_json=as_json)
        raise typer.Exit(refused.exit_code) from refused
    if as_json:
        print_json({"added": added_json(applied), "unchanged": applied.unchanged, "problems": []})
        return
    say(table(("kind", "key", "version>"), ([kind, key, str(each)] for kind, key, each in applied.added)))
    note(
        f"{len(applied.added)} versions added, {applied.unchanged} unchanged. "
        f'List it in a plan: programs = ["{name}"]'
    )


def _terms(price: Price) -> str:
    from tieout.rate.price_words import price_words

    return "; ".join(price_words(price))


def _head_json(shipped: ShippedProgram) -> dict[str, Json]:
    from tieout.kernel.instant import format_instant

    program = shipped.program
    return {
        "key": program.key,
        "version": program.version,
        "effective_from": format_instant(program.effective_from),
        "name": program.name,
        "provider": program.provider,
        "source": program.source,
        "as_of": program.as_of.isoformat(),
        "charged_to": program.charged_to,
        "currency": program.currency,
        "cadence": None if program.cadence is None else program.cadence.value,
        "prices": list(program.prices),
        "digest": program.digest,
    }


def _json(shipped: ShippedProgram) -> Json:
    import json

    from tieout.rate.price_words import price_words

    return {
        **_head_json(shipped),
        "terms": {price.key: list(price_words(price)) for price in shipped.prices},
        "documents": [
            {
                "kind": str(document.kind),
                "key": document.key,
                "version": document.version,
                "digest": document.digest,
                "document": json.loads(document.table),
            }
            for document in shipped.documents
        ],
    }
