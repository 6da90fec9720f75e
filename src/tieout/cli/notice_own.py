"""`tieout notice own list|set|rotate|verify|remove`: targets of a customer's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli.options import ByOption, CustomerOption, HomeOption, JsonOption, ReasonOption, opened
from tieout.cli.screen import note, print_json, say, table

if TYPE_CHECKING:
    from tieout.flows.own_targets import SetTarget

app = typer.Typer(
    help="Targets of a customer's own: list, set, rotate, verify, remove.", no_args_is_help=True
)
KeyArgument = Annotated[str, typer.Argument(help="Its key.", show_default=False)]


@app.command("list")
def list_(home: HomeOption, customer: CustomerOption, as_json: JsonOption = False) -> None:
    """Those that stand, and how the last message to each went."""
    from tieout.flows.own_document import own_targets, target_json

    with opened(home) as where:
        found = [target_json(where, each) for each in own_targets(where, customer)]
    if as_json:
        print_json(found)
        return
    if not found:
        say(f"{customer} has no target.")
        return
    rows = []
    for each in found:
        last = each["last_message"]
        state = str(last["state"]) if isinstance(last, dict) else "-"
        ready = "yes" if each["ready"] else "not verified"
        place = str(each["url"] or each["address"])
        rows.append([str(each["key"]), f"v{each['version']}", str(each["kind"]), place, ready, state])
    say(table(("target", "version", "kind", "where", "ready", "last message"), rows))


@app.command("set")
def set_(
    key: KeyArgument,
    home: HomeOption,
    customer: CustomerOption,
    by: ByOption,
    reason: ReasonOption,
    url: Annotated[str | None, typer.Option(help="Of a webhook.", show_default=False)] = None,
    address: Annotated[str | None, typer.Option(help="Of a mailbox.", show_default=False)] = None,
    digest_minutes: Annotated[int, typer.Option(help="Notices of so long go as one.", min=0)] = 0,
    as_json: JsonOption = False,
) -> None:
    """Set or change one on the customer's behalf: a webhook's secret is printed once, a mailbox is sent a
    code."""
    from tieout.flows.own_changes import decided_by
    from tieout.flows.own_document import set_target_json
    from tieout.flows.own_targets import set_target
    from tieout.kernel.canonical import JsonNumber, JsonValue

    said: dict[str, JsonValue] = {"kind": "webhook" if address is None else "email"}
    said |= {} if url is None else {"url": url}
    said |= {} if address is None else {"address": address}
    said |= {"digest_minutes": JsonNumber(str(digest_minutes))} if digest_minutes else {}
    with opened(home) as where:
        made = set_target(where, customer, key, said, decided_by(where, by, reason))
        document = set_target_json(where, made)
    if as_json:
        print_json(document)
        return
    _say_secret(made)
    if not made.target.is_ready:
        note(f"The mailbox is sent a code: `tieout notice own verify {key} CODE --customer {customer}`.")
    note(f"Target {key} v{made.target.version} of {customer} is set.")


@app.command()
def rotate(
    key: KeyArgument,
    home: HomeOption,
    customer: CustomerOption,
    by: ByOption,
    reason: ReasonOption,
    as_json: JsonOption = False,
) -> None:
    """Make a new secret for a webhook, and print it once; the one before stays valid for a day."""
    from tieout.flows.own_changes import decided_by
    from tieout.flows.own_document import set_target_json
    from tieout.flows.own_targets import rotate_own_secret

    with opened(home) as where:
        made = rotate_own_secret(where, customer, key, decided_by(where, by, reason))
        document = set_target_json(where, made)
    if as_json:
        print_json(document)
    else:
        _say_secret(made)


@app.command()
def verify(
    key: KeyArgument,
    code: Annotated[str, typer.Argument(help="As the mail has it.", show_default=False)],
    home: HomeOption,
    customer: CustomerOption,
    by: ByOption,
    reason: ReasonOption,
) -> None:
    """Give back the code that the mailbox was sent; it is written to from then on."""
    from tieout.flows.own_changes import decided_by
    from tieout.flows.own_targets import verify_target

    with opened(home) as where:
        verify_target(where, customer, key, code, decided_by(where, by, reason))
    note(f"Target {key} of {customer} is verified.")


@app.command()
def remove(
    key: KeyArgument, home: HomeOption, customer: CustomerOption, by: ByOption, reason: ReasonOption
) -> None:
    """Remove one on the customer's behalf."""
    from tieout.flows.own_changes import decided_by, remove_own
    from tieout.ports.own_settings import SettingKind

    with opened(home) as where:
        remove_own(where, customer, SettingKind.TARGET, key, decided_by(where, by, reason))
    note(f"Target {key} of {customer} is removed.")


def _say_secret(made: SetTarget) -> None:
    if made.secret is not None:
        say(made.secret)
        note("Give it to the receiver now: it is shown this once.")
