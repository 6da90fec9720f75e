"""`tieout usage CUSTOMER`: what a customer has used in a period, live, and what came too late."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.screen import Json, grouped, print_json, say, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from tieout.flows.late_events import LateRow
    from tieout.flows.measure_usage import UsageReport


def usage(
    customer: Annotated[str, typer.Argument(help="The customer's key.", show_default=False)],
    home: HomeOption,
    at: Annotated[
        str | None, typer.Option(help="An RFC 3339 instant; its period is shown. Default: now.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Usage per meter of the period that holds an instant, and late events of sealed periods."""
    from tieout.flows.measure_usage import usage as measure
    from tieout.kernel.ids import CustomerId
    from tieout.kernel.instant import parse_instant

    instant = None if at is None else parse_instant(at)
    with opened(home) as where:
        report = measure(where, CustomerId(customer), at=instant)
    if as_json:
        print_json(_report_json(report))
    else:
        say_usage(report)


def say_usage(report: UsageReport) -> None:
    """The report as tables."""
    from tieout.kernel.instant import format_instant

    period = f"{format_instant(report.period.start)} to {format_instant(report.period.end)}"
    columns = (
        "subscription",
        "from",
        "meter",
        "version>",
        "quantity>",
        "unit",
        "events>",
        "excluded>",
        "retracted>",
        "fingerprint",
    )
    rows = (
        [
            row.subscription,
            format_instant(row.period.start),
            row.meter,
            str(row.meter_version),
            grouped(str(row.quantity)),
            row.unit,
            grouped(str(row.event_count)),
            grouped(str(row.excluded_count)),
            grouped(str(row.retracted_count)),
            str(row.fingerprint),
        ]
        for row in report.rows
    )
    say(table(columns, rows, title=f"{report.customer}: {period}, as of batch {report.watermark}"))
    say(late_table(report.late) if report.late else "No late events.")


def late_table(late: Sequence[LateRow]) -> Table:
    """What came or was retracted after the cutoff of sealed invoices, and by how much they would change."""
    columns = ("sealed invoice", "meter", "late events>", "late retractions>", "quantity>")
    rows = (
        [
            *(row.invoice, row.meter, grouped(str(row.event_count))),
            *(grouped(str(row.retracted_count)), grouped(str(row.quantity))),
        ]
        for row in late
    )
    return table(columns, rows, title="Late, in no invoice yet")


def late_json(row: LateRow) -> Json:
    """One row of the late bucket."""
    from tieout.kernel.instant import format_instant

    return {
        "invoice": row.invoice,
        "meter": row.meter,
        "period": {"start": format_instant(row.period.start), "end": format_instant(row.period.end)},
        "event_count": row.event_count,
        "retracted_count": row.retracted_count,
        "quantity": str(row.quantity),
    }


def _report_json(report: UsageReport) -> Json:
    from tieout.kernel.instant import format_instant

    return {
        "customer": report.customer,
        "period": {"start": format_instant(report.period.start), "end": format_instant(report.period.end)},
        "watermark": report.watermark,
        "rows": [
            {
                "subscription": row.subscription,
                "meter": row.meter,
                "meter_version": row.meter_version,
                "period": {"start": format_instant(row.period.start), "end": format_instant(row.period.end)},
                "unit": row.unit,
                "quantity": str(row.quantity),
                "event_count": row.event_count,
                "excluded_count": row.excluded_count,
                "retracted_count": row.retracted_count,
                "fingerprint": str(row.fingerprint),
            }
            for row in report.rows
        ],
        "late": [late_json(row) for row in report.late],
    }
