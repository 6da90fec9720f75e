"""`tieout alert own list|show|set|remove`: alerts of a customer's own, which tell that customer alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli.options import ByOption, CustomerOption, HomeOption, JsonOption, ReasonOption, opened
from tieout.cli.screen import note, print_json, say, table

if TYPE_CHECKING:
    from tieout.contract.own_alert import OwnAlert

app = typer.Typer(help="Alerts of a customer's own: list, show, set, remove.", no_args_is_help=True)
KeyArgument = Annotated[str, typer.Argument(help="Its key.", show_default=False)]


@app.command("list")
def list_(home: HomeOption, customer: CustomerOption, as_json: JsonOption = False) -> None:
    """Those that stand."""
    from tieout.flows.own_document import alert_json, own_alerts

    with opened(home) as where:
        found = own_alerts(where, customer)
    if as_json:
        print_json([alert_json(each) for each in found])
    elif found:
        say(table(("alert", "version", "name", "watches", "tells"), (_cells(each) for each in found)))
    else:
        say(f"{customer} has set no alert.")


@app.command()
def show(key: KeyArgument, home: HomeOption, customer: CustomerOption, as_json: JsonOption = False) -> None:
    """One alert, and every time that it was crossed or armed again."""
    from tieout.cli.trigger_shown import change_rows
    from tieout.flows.own_document import alert_json, own_alert, own_change_json, own_changes

    with opened(home) as where:
        found = own_alert(where, customer, key)
        changes = own_changes(where, found)
    if as_json:
        print_json({**alert_json(found), "changes": [own_change_json(each) for each in changes]})
        return
    say(": ".join(_cells(found)[2:4]))
    say(change_rows(changes) if changes else "Nothing was recorded of it.")


@app.command("set")
def set_(
    key: KeyArgument,
    home: HomeOption,
    customer: CustomerOption,
    watch: Annotated[str, typer.Option(help="usage, exposure or projected.", show_default=False)],
    at: Annotated[list[str], typer.Option(help="A threshold; may be repeated, rising.", show_default=False)],
    by: ByOption,
    reason: ReasonOption,
    meter: Annotated[str | None, typer.Option(help="Whose usage.")] = None,
    percent_of: Annotated[str | None, typer.Option(help="allowance or budget; amounts if left out.")] = None,
    rearm: Annotated[str | None, typer.Option(help="period or below.")] = None,
    rearm_below: Annotated[str | None, typer.Option(help="Armed again only below this.")] = None,
    severity: Annotated[str | None, typer.Option(help="info, warning or critical.")] = None,
    target: Annotated[list[str] | None, typer.Option(help="One of its own; all if left out.")] = None,
    name: Annotated[str | None, typer.Option(help="What it is called in notices.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Set or change one on the customer's behalf."""
    from tieout.flows.own_changes import decided_by, set_alert
    from tieout.flows.own_document import alert_json
    from tieout.kernel.canonical import JsonValue

    given: dict[str, JsonValue] = {
        **{"watch": watch, "at": [*at], "meter": meter, "percent_of": percent_of, "rearm": rearm},
        **{"rearm_below": rearm_below, "severity": severity, "name": name},
        "targets": None if target is None else [*target],
    }
    said = {member: value for member, value in given.items() if value is not None}
    with opened(home) as where:
        found = set_alert(where, customer, key, said, decided_by(where, by, reason))
    if as_json:
        print_json(alert_json(found))
    else:
        note(f"Alert {key} v{found.version} of {customer} is set.")


@app.command()
def remove(
    key: KeyArgument, home: HomeOption, customer: CustomerOption, by: ByOption, reason: ReasonOption
) -> None:
    """Remove one on the customer's behalf."""
    from tieout.flows.own_changes import decided_by, remove_own
    from tieout.ports.own_settings import SettingKind

    with opened(home) as where:
        remove_own(where, customer, SettingKind.ALERT, key, decided_by(where, by, reason))
    note(f"Alert {key} of {customer} is removed.")


def _cells(alert: OwnAlert) -> list[str]:
    from tieout.cli.trigger_shown import watched_text

    told = ", ".join(alert.targets) or "all its targets"
    return [alert.key, f"v{alert.version}", alert.name, watched_text(alert.watch), told]
