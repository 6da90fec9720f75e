"""`tieout usage CUSTOMER`: what a customer has used in a period, live, and what came too late."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli.late import (
    detail_json,
    late_json,
    late_retractions_table,
    late_sources_table,
    late_subjects_table,
    late_table,
    mapped_late_json,
)
from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.screen import Json, grouped, print_json, say, table

if TYPE_CHECKING:
    from rich.table import Table

    from tieout.flows.measure_usage import UsageReport, UsageRow


def usage(
    customer: Annotated[str, typer.Argument(help="The customer's key.", show_default=False)],
    home: HomeOption,
    at: Annotated[
        str | None, typer.Option(help="An RFC 3339 instant; its period is shown. Default: now.")
    ] = None,
    late: Annotated[
        bool, typer.Option("--late", help="Also by which source, and each late retraction.")
    ] = False,
    group_by: Annotated[
        list[str] | None,
        typer.Option(help="A dimension of the meters to break usage down by; may be repeated."),
    ] = None,
    window: Annotated[
        str | None, typer.Option(help="hour or day: also window by window, days in the customer's zone.")
    ] = None,
    at_batch: Annotated[
        int | None, typer.Option(min=0, help="As the log was at the end of this batch. Default: the last.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Usage per meter of the period that holds an instant, and late events of sealed periods."""
    from tieout.flows.measure_usage import usage as measure
    from tieout.flows.usage_windows import Window
    from tieout.kernel.ids import CustomerId, Watermark
    from tieout.kernel.instant import parse_instant

    instant = None if at is None else parse_instant(at)
    if window not in (None, *Window):
        raise typer.BadParameter(f"hour or day, not {window!r}", param_hint="--window")
    with opened(home) as where:
        report = measure(
            where,
            CustomerId(customer),
            at=instant,
            detailed=late,
            group_by=tuple(group_by or ()),
            window=None if window is None else Window(window),
            at_batch=None if at_batch is None else Watermark(at_batch),
        )
    if as_json:
        print_json(_report_json(report))
    else:
        say_usage(report)


def say_usage(report: UsageReport) -> None:
    """The report as tables."""
    from tieout.kernel.instant import format_instant

    period = f"{format_instant(report.period.start)} to {format_instant(report.period.end)}"
    taken_back = any(row.retracted_count for row in report.rows)
    converts = any(row.converted is not None for row in report.rows)
    columns = (
        *("subscription", "from", "meter", "version>", "quantity>", "unit"),
        *(("billed as>", "in") if converts else ()),
        *("events>", "excluded>"),
        *(("retracted>",) if taken_back else ()),
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
            *(_converted(row) if converts else ()),
            grouped(str(row.event_count)),
            grouped(str(row.excluded_count)),
            *([grouped(str(row.retracted_count))] if taken_back else []),
            str(row.fingerprint),
        ]
        for row in report.rows
    )
    say(table(columns, rows, title=f"{report.customer}: {period}, as of batch {report.watermark}"))
    if report.group_by:
        say(_groups_table(report))
    if report.windows is not None:
        say(_windows_table(report, report.windows))
    if any(row.holds_levels for row in report.rows):
        say("Levels are taken to hold until the period ends.")
    say(late_table(report.late) if report.late else "No late events.")
    if report.mapped_late:
        say(late_subjects_table(report.mapped_late))
    if report.detail is not None and report.late:
        say(late_sources_table(report.detail))
    if report.detail is not None and report.detail.retractions:
        say(late_retractions_table(report.detail))


def _converted(row: UsageRow) -> tuple[str, str]:
    if row.converted is None or row.converted_unit is None:
        return grouped(str(row.quantity)), row.unit
    return grouped(str(row.converted)), row.converted_unit


def _groups_table(report: UsageReport) -> Table:
    """Meters that have the dimensions; the others are not there, and their totals stand above."""
    names = report.group_by
    cells = [
        [
            *(row.subscription, row.meter, str(row.meter_version)),
            *("(none)" if text is None else text for text in group.values),
            *(grouped(str(group.quantity)), row.unit, grouped(str(group.event_count))),
        ]
        for row in report.rows
        for group in row.groups
    ]
    columns = ("subscription", "meter", "version>", *names, "quantity>", "unit", "events>")
    return table(columns, cells, title=f"by {', '.join(names)}")


def _windows_table(report: UsageReport, windows: Sequence[UsageRow]) -> Table:
    from tieout.kernel.instant import format_instant

    names = report.group_by
    cells = [
        [
            *(format_instant(row.period.start), row.subscription, row.meter),
            *("(all)" if group is None else group.values[place] or "(none)" for place in range(len(names))),
            grouped(str(row.quantity if group is None else group.quantity)),
            row.unit,
            grouped(str(row.event_count if group is None else group.event_count)),
        ]
        for row in windows
        for group in (row.groups or (None,))
    ]
    return table(("window from", "subscription", "meter", *names, "quantity>", "unit", "events>"), cells)


def _report_json(report: UsageReport) -> Json:
    from tieout.kernel.instant import format_instant

    return {
        "customer": report.customer,
        "period": {"start": format_instant(report.period.start), "end": format_instant(report.period.end)},
        "watermark": report.watermark,
        "as_of": None if report.as_of is None else format_instant(report.as_of),
        "rows": [_row_json(row, report.group_by) for row in report.rows],
        **(
            {}
            if report.windows is None
            else {"windows": [_row_json(row, report.group_by) for row in report.windows]}
        ),
        "late": [late_json(row) for row in report.late],
        "mapped_late": [mapped_late_json(row) for row in report.mapped_late],
        **({} if report.detail is None else detail_json(report.detail)),
    }


def _row_json(row: UsageRow, names: tuple[str, ...]) -> Json:
    from tieout.kernel.instant import format_instant

    return {
        "subscription": row.subscription,
        "meter": row.meter,
        "meter_version": row.meter_version,
        "period": {"start": format_instant(row.period.start), "end": format_instant(row.period.end)},
        "unit": row.unit,
        "quantity": str(row.quantity),
        "converted": None
        if row.converted is None
        else {"quantity": str(row.converted), "unit": row.converted_unit},
        "opening_count": row.opening_count,
        "event_count": row.event_count,
        "excluded_count": row.excluded_count,
        "retracted_count": row.retracted_count,
        "fingerprint": str(row.fingerprint),
        **({"groups": _groups_json(row, names)} if row.groups else {}),
    }


def _groups_json(row: UsageRow, names: tuple[str, ...]) -> Json:
    return [
        {
            "by": dict(zip(names, group.values, strict=True)),
            "quantity": str(group.quantity),
            "event_count": group.event_count,
        }
        for group in row.groups
    ]
