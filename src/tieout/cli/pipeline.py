"""`tieout ingest status|alerts|close-alert|control-total|control-totals|gaps`: how the pipeline does."""

from __future__ import annotations

from typing import Annotated

import typer

from tieout.cli import pipeline_shown as shown
from tieout.cli.files_or_verbs import FILES, FilesOrVerbs
from tieout.cli.ingest import ingest
from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.screen import note, print_json, say

app = typer.Typer(cls=FilesOrVerbs, help=ingest.__doc__)
app.command(FILES, hidden=True)(ingest)

SourceOption = Annotated[
    str | None, typer.Option("--source", help="Only this source, as its events name it.", show_default=False)
]


@app.command()
def status(
    home: HomeOption,
    source: SourceOption = None,
    hours: Annotated[
        int,
        typer.Option(
            help="So many hours, back from the last in which anything was received.", min=1, max=87_840
        ),
    ] = 24,
    as_json: JsonOption = False,
) -> None:
    """Per source and hour: received and what became of it, rates, lags, alerts, missing events."""
    from tieout.flows.pipeline_status import pipeline_status

    with opened(home) as where:
        found = pipeline_status(where, source=source, hours=hours)
    if as_json:
        print_json(shown.status_json(found))
    else:
        shown.say_status(found)


@app.command()
def alerts(
    home: HomeOption,
    source: SourceOption = None,
    all_: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Sudden shifts of a source's acceptance or duplicate rate, open until a person closes them."""
    from tieout.flows.pipeline_alerts import list_alerts

    with opened(home) as where:
        found = list_alerts(where, only_open=not all_, source=source)
    if as_json:
        print_json([shown.alert_json(alert) for alert in found])
    else:
        say(shown.alerts_table(found))


@app.command("close-alert")
def close_alert(
    alert: Annotated[str, typer.Argument(help="Its id in the list of alerts.", show_default=False)],
    home: HomeOption,
    by: Annotated[str, typer.Option("--by", help="Who closes it.", show_default=False)],
    reason: Annotated[str, typer.Option(help="Why it needs no more attention.", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """Close an alert; name and reason stay on record."""
    from tieout.flows.pipeline_alerts import close_alert as close

    with opened(home) as where:
        closed = close(where, alert, by=by, reason=reason)
    if as_json:
        print_json(shown.alert_json(closed))
    else:
        say(shown.alerts_table([closed]))


@app.command("control-total")
def control_total(
    home: HomeOption,
    source: Annotated[str, typer.Option(help="The source whose statement it is.", show_default=False)],
    statement: Annotated[
        str,
        typer.Option("--id", help="The statement's own id; again with the same content it changes nothing."),
    ],
    event_type: Annotated[str, typer.Option("--type", help="The event type.", show_default=False)],
    start: Annotated[str, typer.Option("--from", help="First instant of the window, RFC 3339.")],
    end: Annotated[str, typer.Option("--to", help="First instant after the window, RFC 3339.")],
    events: Annotated[str, typer.Option(help="How many events were sent.", show_default=False)],
    field: Annotated[str | None, typer.Option(help="A numeric field of the events.")] = None,
    total: Annotated[str | None, typer.Option(help="What that field adds up to: a plain decimal.")] = None,
    by: Annotated[str, typer.Option("--by", help="Who states it.")] = "command line",
    as_json: JsonOption = False,
) -> None:
    """State what a source sent in a window of event time, and see whether what was accepted ties to it."""
    from tieout.flows.control_total_document import control_total_document
    from tieout.flows.control_totals import control_total as of_texts
    from tieout.flows.control_totals import state_control_total

    stated = of_texts(
        source=source,
        id=statement,
        type=event_type,
        start=start,
        end=end,
        events=events,
        field=field,
        total=total,
    )
    with opened(home) as where:
        compared = state_control_total(where, stated, by=by)
        known = source in where.pipeline.sources()
    if not known:
        note(f"Nothing was received from the source {source} so far.")
    if as_json:
        print_json(control_total_document(compared))
    else:
        say(shown.totals_table([compared]))


@app.command("control-totals")
def control_totals(home: HomeOption, source: SourceOption = None, as_json: JsonOption = False) -> None:
    """Every statement beside what is accepted now, the difference with its sign."""
    from tieout.flows.control_total_document import control_total_document
    from tieout.flows.control_totals import list_control_totals

    with opened(home) as where:
        found = list_control_totals(where, source=source)
    if as_json:
        print_json([control_total_document(compared) for compared in found])
    else:
        say(shown.totals_table(found))


@app.command()
def gaps(home: HomeOption, source: SourceOption = None, as_json: JsonOption = False) -> None:
    """Numbers (CloudEvents `sequence`) that never came, came and were not accepted, or came twice."""
    from tieout.flows.sequence_gaps import gaps as find_gaps

    with opened(home) as where:
        found = find_gaps(where, source=source)
    if as_json:
        print_json([shown.gaps_json(each) for each in found])
    else:
        say(shown.gaps_table(found))
