"""`tieout alert list|show|check`: the rules that watch, what was recorded of them, and what they read now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli import alert_own
from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.screen import Json, note, print_json, say, table
from tieout.cli.trigger_shown import (
    change_json,
    change_rows,
    exact_shown,
    reached,
    rule_json,
    watch_text,
    whom_text,
)

if TYPE_CHECKING:
    from tieout.flows.trigger_rules import Rule
    from tieout.flows.triggers import RuleRow
    from tieout.flows.usage_readings import Unread
    from tieout.trigger.crossing import Reading, Scope

app = typer.Typer(help="Alerts and charge controls: list, show, check.", no_args_is_help=True)
app.add_typer(alert_own.app, name="own")
CustomerOption = Annotated[str | None, typer.Option(help="Only of this customer.")]


@app.command("list")
def list_(home: HomeOption, as_json: JsonOption = False) -> None:
    """Every rule: what it watches, for whom, and how often it was crossed."""
    from tieout.flows.triggers import rule_rows

    with opened(home) as where:
        rows = rule_rows(where)
    if as_json:
        print_json([rule_json(row) for row in rows])
    elif not rows:
        say("There is no alert and no charge control.")
    else:
        columns = ("rule", "kind", "in force>", "watches", "for", "customers>", "does", "crossed>")
        say(table(columns, (_cells(row) for row in rows)))


@app.command()
def show(
    rule: Annotated[str, typer.Argument(help="The rule's key.", show_default=False)],
    home: HomeOption,
    customer: CustomerOption = None,
    as_json: JsonOption = False,
) -> None:
    """One rule, and every time that it was crossed or armed again."""
    from tieout.flows.triggers import rule_changes
    from tieout.kernel.ids import CustomerId

    with opened(home) as where:
        row, changes = rule_changes(where, rule, None if customer is None else CustomerId(customer))
    if as_json:
        print_json({**rule_json(row), "changes": [change_json(each) for each in changes]})
        return
    say(f"{row.document.name} ({row.document.key} v{row.document.version}): {watch_text(row.document)}")
    if changes:
        say(change_rows(changes))
    else:
        say("Nothing was recorded of it.")


@app.command()
def check(
    home: HomeOption,
    rule: Annotated[str | None, typer.Argument(help="The rule's key; all if left out.")] = None,
    customer: CustomerOption = None,
    as_json: JsonOption = False,
) -> None:
    """What each rule reads now, and how far it is from its thresholds. Nothing is recorded.

    Exit code 1 when something could not be read.
    """
    from tieout.flows.look_at_rules import readings_now
    from tieout.flows.triggers import check_names
    from tieout.kernel.ids import CustomerId

    with opened(home) as where:
        check_names(where, rule, customer)
        readings, unread = readings_now(where, rule, None if customer is None else CustomerId(customer))
    if as_json:
        print_json({"readings": [_reading_json(*read) for read in readings], "unread": _unread_json(unread)})
    elif not readings and not unread:
        say("No rule reads anything now" + (" of that." if rule or customer else "."))
    else:
        columns = ("rule", "customer", "figure", "is>", "of>", "unit", "%>", "thresholds>", "reached>")
        say(table(columns, (_reading_cells(*read) for read in readings)))
        for of, who, why in unread:
            note(f"{of.id.key} cannot be read for {who}: {why}")
    if unread:
        raise typer.Exit(1)


def _cells(row: RuleRow) -> list[str]:
    from tieout.contract.alert import Alert

    document = row.document
    is_alert = isinstance(document, Alert)
    return [
        document.key,
        "alert" if is_alert else "charge control",
        "-" if row.in_force is None else f"v{row.in_force}",
        watch_text(document),
        whom_text(document),
        str(row.customers),
        "tells" if isinstance(document, Alert) else document.action.value,
        str(row.crossed),
    ]


def _reading_cells(rule: Rule, scope: Scope, reading: Reading) -> list[str]:
    from tieout.kernel.rational import exact_text

    is_percent = reading.whole is not None
    return [
        rule.id.key,
        scope.customer,
        rule.watch.figure.value,
        exact_shown(reading.value),
        "-" if reading.whole is None else exact_shown(reading.whole),
        reading.unit,
        exact_shown(reading.measured) if is_percent else "-",
        ", ".join(exact_text(each) + (" %" if is_percent else "") for each in rule.watch.at),
        ", ".join(exact_text(each) for each in reached(rule.watch, reading)) or "-",
    ]


def _reading_json(rule: Rule, scope: Scope, reading: Reading) -> Json:
    from tieout.kernel.instant import format_instant
    from tieout.kernel.rational import exact_text

    return {
        "rule": rule.id.key,
        "version": rule.id.version,
        "customer": scope.customer,
        "period": {"start": format_instant(scope.period.start), "end": format_instant(scope.period.end)},
        "figure": rule.watch.figure.value,
        "value": exact_text(reading.value),
        "whole": None if reading.whole is None else exact_text(reading.whole),
        "percent": None if reading.whole is None else exact_text(reading.measured),
        "unit": reading.unit,
        "thresholds": [exact_text(each) for each in rule.watch.at],
        "reached": [exact_text(each) for each in reached(rule.watch, reading)],
        "watermark": reading.watermark,
        "at": format_instant(reading.at),
    }


def _unread_json(unread: list[Unread]) -> Json:
    return [{"rule": of.id.key, "customer": who, "why": why} for of, who, why in unread]
