"""`tieout notice secret ...`: signing secrets, Slack's addresses, mail passwords: kept out of the catalog."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.refusals import MalformedOption
from tieout.cli.screen import note, print_json, say, table

app = typer.Typer(help="Secrets of targets: set, rotate, list, remove.", no_args_is_help=True)
VALUE_BYTES_MAX = 8_192
HOURS_MAX = 24 * 90

NameArgument = Annotated[str, typer.Argument(help="As targets name it.", show_default=False)]
KeepOption = Annotated[
    int, typer.Option(help="So long the one before stays valid beside it.", min=0, max=HOURS_MAX)
]


@app.command("set")
def set_(name: NameArgument, home: HomeOption, keep_hours: KeepOption = 24) -> None:
    """Store a secret that is read from standard input: never an argument, which others could see."""
    from tieout.flows.notices import set_secret

    _check_name(name)
    if sys.stdin.isatty():
        value = typer.prompt("The secret", hide_input=True)
    else:
        value = sys.stdin.read(VALUE_BYTES_MAX)
    with opened(home) as where:
        set_secret(where, name, value, keep_hours=keep_hours)
    note(f"Secret {name} is stored.")


@app.command()
def rotate(
    name: NameArgument, home: HomeOption, keep_hours: KeepOption = 24, as_json: JsonOption = False
) -> None:
    """Make a new signing secret for a webhook, and print it; the one before stays valid for a while."""
    from tieout.flows.notices import make_secret

    _check_name(name)
    with opened(home) as where:
        value = make_secret(where, name, keep_hours=keep_hours)
    if as_json:
        print_json({"name": name, "secret": value})
        return
    say(value)
    note(
        f"Give it to the receiver now: messages are signed with it and, for {keep_hours} h, with the old one."
    )


@app.command("list")
def list_(home: HomeOption, as_json: JsonOption = False) -> None:
    """Which secrets there are, and how long they are valid; never what they are."""
    from tieout.flows.notices import held_secrets
    from tieout.kernel.instant import format_instant

    with opened(home) as where:
        held = held_secrets(where)
    rows = [(each.name, format_instant(each.since), each.until) for each in held]
    if as_json:
        print_json(
            [
                {"name": name, "since": since, "until": None if until is None else format_instant(until)}
                for name, since, until in rows
            ]
        )
        return
    cells = [
        [name, since, "in use" if until is None else format_instant(until)] for name, since, until in rows
    ]
    say(table(("name", "since", "valid until"), cells))


@app.command()
def remove(name: NameArgument, home: HomeOption) -> None:
    """Forget a secret, and the one before it."""
    from tieout.flows.notices import remove_secret

    with opened(home) as where:
        remove_secret(where, name)
    note(f"Secret {name} is gone.")


def _check_name(name: str) -> None:
    from tieout.contract.reading.notice_target import SECRET_PATTERN

    if SECRET_PATTERN.match(name) is None:
        raise MalformedOption("NAME", "lower-case letters, digits and hyphens, a letter first, at most 64")
