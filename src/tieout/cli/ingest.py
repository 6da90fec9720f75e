"""`tieout ingest FILE...`: files into the log; received = accepted + duplicate + conflict + quarantined."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.screen import Json, grouped, note, print_json, say, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tieout.cli.timed_ingest import Timed

FORMATS = ("ndjson", "json", "csv", "access_log")


def _known_format(value: str | None) -> str | None:
    if value is not None and value not in FORMATS:
        raise typer.BadParameter(f"{value!r} is not one of {', '.join(FORMATS)}")
    return value


def ingest(
    files: Annotated[
        list[Path], typer.Argument(help="Files of usage; .gz is read as it is.", show_default=False)
    ],
    home: HomeOption,
    source: Annotated[
        str | None,
        typer.Option(
            help="Key of the catalog's [\\[source]] (csv, access log), or the source where events name none."
        ),
    ] = None,
    file_format: Annotated[
        str | None, typer.Option("--format", callback=_known_format, help=f"One of {', '.join(FORMATS)}.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Read usage files into the log, each item exactly once."""
    from tieout.cli.timed_ingest import timed_ingest
    from tieout.flows.compact_log import compact_log
    from tieout.flows.watch_pipeline import watch_to_head

    done: list[Timed] = []
    try:
        with opened(home) as where:
            for file in files:
                done.append(timed_ingest(where, file, format=file_format, source=source))
            compact_log(where)
            opened_alerts = watch_to_head(where)
        if opened_alerts:
            note(f"{len(opened_alerts)} pipeline alerts were opened; `tieout ingest alerts` shows them.")
    finally:
        if as_json and done:
            print_json([_timed_json(timed) for timed in done])
        elif done:
            say_reports(done)


def say_reports(done: list[Timed]) -> None:
    """The counts per file, their sum, and why items were not accepted."""
    columns = ("file", "received>", "accepted>", "duplicate>", "conflict>", "quarantined>", "events/s>")
    rows = report_rows(done)
    if len(done) > 1:
        rows.append(["total", *_counts(done), ""])
    say(table(columns, rows))
    if reasons := reason_rows(done):
        say(table(("not accepted because", "items>"), reasons))


def report_rows(done: Sequence[Timed]) -> list[list[str]]:
    """One row of a table per file: name, the five counts, events per second."""
    return [
        [Path(timed.report.file).name, *_counts([timed]), grouped(str(timed.events_per_second))]
        for timed in done
    ]


def reason_rows(done: Sequence[Timed]) -> list[list[str]]:
    """One row of a table per reason, with how many items have it."""
    reasons: Counter[str] = Counter()
    for timed in done:
        reasons.update(dict(timed.report.reasons))
    return [[reason, grouped(str(count))] for reason, count in sorted(reasons.items())]


def _counts(done: Sequence[Timed]) -> list[str]:
    verdicts = ("received", "accepted", "duplicate", "conflict", "quarantined")
    return [grouped(str(sum(getattr(timed.report, verdict) for timed in done))) for verdict in verdicts]


def _timed_json(timed: Timed) -> Json:
    report = timed.report
    return {
        "file": report.file,
        "received": report.received,
        "accepted": report.accepted,
        "duplicate": report.duplicate,
        "conflict": report.conflict,
        "quarantined": report.quarantined,
        "first_batch": report.first_batch,
        "last_batch": report.last_batch,
        "reasons": dict(report.reasons),
        "milliseconds": timed.nanoseconds // 1_000_000,
    }
