"""What came too late for sealed invoices, as tables and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.cli.screen import Json, grouped, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from tieout.flows.late_events import LateRow
    from tieout.flows.late_retractions import LateRetraction
    from tieout.flows.late_sources import LateDetail
    from tieout.flows.mapped_late import MappedLateRow


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


def late_subjects_table(rows: Sequence[MappedLateRow]) -> Table:
    """Usage of subjects that became the customer's after the seal."""
    columns = ("sealed invoice", "meter", "subjects", "events>", "quantity>")
    cells = (
        [
            *(row.invoice, row.meter, ", ".join(row.subjects)),
            *(grouped(str(row.event_count)), grouped(str(row.quantity))),
        ]
        for row in rows
    )
    return table(columns, cells, title="Subjects given to the customer after the seal, in no invoice")


def late_sources_table(detail: LateDetail) -> Table:
    """The late rows by source."""
    columns = ("sealed invoice", "meter", "source", "late events>", "late retractions>")
    cells = (
        [
            *(row.invoice, row.meter, row.source),
            *(grouped(str(row.event_count)), grouped(str(row.retracted_count))),
        ]
        for row in detail.sources
    )
    return table(columns, cells, title="Late, by source")


def late_retractions_table(detail: LateDetail) -> Table:
    """Each late retraction, with who and why."""
    columns = ("event", "source", "stands at", "retracted at", "by", "approved by", "because")
    cells = (
        [
            *(row.target.event.id, row.target.event.source, str(row.target.position)),
            *(str(row.retraction.position), *(_said(row, name) for name in ("by", "approved_by", "reason"))),
        ]
        for row in detail.retractions
    )
    return table(columns, cells, title="Late retractions: they wait for a correction")


def mapped_late_json(row: MappedLateRow) -> Json:
    from tieout.kernel.instant import format_instant

    return {
        "invoice": row.invoice,
        "meter": row.meter,
        "period": {"start": format_instant(row.period.start), "end": format_instant(row.period.end)},
        "subjects": list(row.subjects),
        "event_count": row.event_count,
        "quantity": str(row.quantity),
    }


def detail_json(detail: LateDetail) -> dict[str, Json]:
    return {
        "late_by_source": [
            {
                "invoice": row.invoice,
                "meter": row.meter,
                "source": row.source,
                "event_count": row.event_count,
                "retracted_count": row.retracted_count,
            }
            for row in detail.sources
        ],
        "late_retractions": [
            {
                "invoice": row.snapshot.invoice,
                "source": row.target.event.source,
                "target_id": row.target.event.id,
                "target": str(row.target.position),
                "position": str(row.retraction.position),
                "by": _said(row, "by") or None,
                "approved_by": _said(row, "approved_by") or None,
                "reason": _said(row, "reason"),
            }
            for row in detail.retractions
        ],
    }


def _said(row: LateRetraction, name: str) -> str:
    return str(row.retraction.event.fields.get(name, ""))
