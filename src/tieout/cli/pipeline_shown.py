"""How the pipeline's numbers look: as tables for a person, as JSON for a program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tieout.cli.screen import Json, grouped, say, table

if TYPE_CHECKING:
    from fractions import Fraction

    from rich.table import Table

    from tieout.flows.control_totals import ComparedTotal
    from tieout.flows.pipeline_status import Lag, PipelineStatus, SourceHour
    from tieout.ingest.rate import VerdictCounts
    from tieout.ingest.sequence import Ranges, SequenceGaps
    from tieout.ingest.shift import Share
    from tieout.ports import PipelineAlert

RANGES_SHOWN_MAX = 1_000
"""Of each kind and source; the counts beside them are of all."""
RANGES_IN_A_CELL = 6
UNITS = ((86_400_000_000, "d"), (3_600_000_000, "h"), (60_000_000, "min"), (1_000_000, "s"), (1_000, "ms"))
SHORT_NAMES = {
    "event-to-received": "received after",
    "received-to-queryable": "queryable after",
    "queryable-to-acted": "acted on after",
}


# ---------------------------------------------------------------------------------------------- status
def say_status(status: PipelineStatus) -> None:
    """The rows with their total, then whatever needs attention, each only where there is something."""
    columns = ("source", "hour", "received>", "accepted>", "duplicate>", "conflict>", "quarantined>")
    rates = ("acceptance>", "duplicates>", "out of order>")
    rows = [
        [row.source, _hour(row.hour), *_counts(row.counts), _count(row.out_of_order)] for row in status.rows
    ]
    rows.append(["total", "", *_counts(status.total), ""])
    say(table((*columns, *rates), rows))
    if lags := [_lag_cells(row, lag) for row in status.rows for lag in row.lags]:
        say(table(("source", "hour", "lag", "events>", "p50>", "p99>"), lags))
    if reasons := _reason_cells(status.rows):
        say(table(("source", "hour", "not accepted because", "items>"), reasons))
    if status.refused_requests:
        cells = [
            [_hour(each.hour), each.key_id, each.reason, grouped(str(each.requests))]
            for each in status.refused_requests
        ]
        say(table(("hour", "key", "requests refused because", "requests>"), cells))
    if status.open_alerts:
        say(alerts_table(status.open_alerts))
    if status.differing_totals:
        say(totals_table(status.differing_totals))
    if status.gaps:
        say(gaps_table(status.gaps))


def status_json(status: PipelineStatus) -> Json:
    from tieout.flows.control_total_document import control_total_document
    from tieout.kernel.instant import format_instant

    return {
        "head_batch": status.head,
        "since": None if status.since is None else format_instant(status.since),
        "hours": [_row_json(row) for row in status.rows],
        "total": _counts_json(status.total),
        "refused_requests": [
            {"hour": format_instant(each.hour), "key": each.key_id, "reason": each.reason,
             "requests": each.requests}
            for each in status.refused_requests
        ],
        "open_alerts": [alert_json(alert) for alert in status.open_alerts],
        "control_totals_that_differ": [
            control_total_document(compared) for compared in status.differing_totals
        ],
        "sequence_gaps": [gaps_json(each) for each in status.gaps],
    }  # fmt: skip


def _row_json(row: SourceHour) -> Json:
    from tieout.kernel.instant import format_instant

    return {
        "source": row.source,
        "hour": format_instant(row.hour),
        **_counts_json(row.counts),
        "reasons": {reason.code: items for reason, items in row.reasons},
        "lags": {
            lag.name: {"events": lag.items, "p50_microseconds": lag.p50, "p99_microseconds": lag.p99}
            for lag in row.lags
        },
        "out_of_order": row.out_of_order,
    }


def _counts_json(counts: VerdictCounts) -> dict[str, Json]:
    return {
        "received": counts.received,
        "accepted": counts.accepted,
        "duplicate": counts.duplicate,
        "conflict": counts.conflict,
        "quarantined": counts.quarantined,
        "acceptance_rate": _rate(counts.acceptance),
        "duplicate_rate": _rate(counts.duplication),
    }


def _counts(counts: VerdictCounts) -> list[str]:
    numbers = (counts.received, counts.accepted, counts.duplicate, counts.conflict, counts.quarantined)
    rates = (_rate(counts.acceptance) or "", _rate(counts.duplication) or "")
    return [*(grouped(str(number)) for number in numbers), *rates]


def _reason_cells(rows: Sequence[SourceHour]) -> list[list[str]]:
    return [
        [row.source, _hour(row.hour), reason.code, grouped(str(items))]
        for row in rows
        for reason, items in row.reasons
    ]


def _lag_cells(row: SourceHour, lag: Lag) -> list[str]:
    name, _, consumer = lag.name.partition(":")
    said = f"{SHORT_NAMES[name]}{f' ({consumer})' if consumer else ''}"
    return [row.source, _hour(row.hour), said, grouped(str(lag.items)), duration(lag.p50), duration(lag.p99)]


# ---------------------------------------------------------------------------------------------- alerts
def alerts_table(alerts: Sequence[PipelineAlert]) -> Table:
    from tieout.kernel.instant import format_instant

    columns = ("alert", "source", "hour", "rate of", "now>", "before>", "hours before>", "opened", "closed")
    rows = []
    for alert in alerts:
        shift = alert.shift
        closed = "" if alert.closed_at is None else f"{format_instant(alert.closed_at)} {alert.closed_by}"
        because = f": {alert.close_reason}" if alert.close_reason else ""
        rows.append(
            [alert.id, shift.source, _hour(shift.hour), shift.kind.value, _share(shift.now),
             _share(shift.before), str(shift.hours_before), format_instant(alert.opened_at), closed + because]
        )  # fmt: skip
    return table(columns, rows)


def alert_json(alert: PipelineAlert) -> Json:
    from tieout.kernel.instant import format_instant

    shift = alert.shift
    return {
        "id": alert.id,
        "source": shift.source,
        "hour": format_instant(shift.hour),
        "kind": shift.kind.value,
        "now": _share_json(shift.now),
        "before": {
            **_share_json(shift.before),
            "hours": shift.hours_before,
            "first_hour": format_instant(shift.first_hour_before),
        },
        "z_squared": str(shift.z_squared),
        "opened_at": format_instant(alert.opened_at),
        "closed_at": None if alert.closed_at is None else format_instant(alert.closed_at),
        "closed_by": alert.closed_by,
        "close_reason": alert.close_reason,
    }


def _share_json(share: Share) -> dict[str, Json]:
    return {"items": share.part, "received": share.whole, "rate": _rate(share.rate)}


def _share(share: Share) -> str:
    return f"{grouped(str(share.part))} of {grouped(str(share.whole))}"


# ---------------------------------------------------------------------------------------------- totals, gaps
def totals_table(totals: Sequence[ComparedTotal]) -> Table:
    columns = ("source", "id", "type", "from", "to", "what", "stated>", "accepted>")
    columns += ("stands>", "difference>", "state")
    rows = []
    for found in totals:
        stated, compared = found.stored.stated, found.comparison
        head = [stated.source, stated.id, stated.type, _hour(stated.start), _hour(stated.end)]
        accepted, standing = compared.accepted, compared.accepted.standing
        numbers = [grouped(str(each)) for each in (stated.events, accepted.events, standing.events)]
        difference = signed(str(compared.events_difference))
        rows.append([*head, "events", *numbers, difference, compared.state.value])
        if stated.field is not None and compared.total_difference is not None:
            numbers = [grouped(str(each)) for each in (stated.total, accepted.total, standing.total)]
            rows.append(
                ["", "", "", "", "", stated.field, *numbers, signed(str(compared.total_difference)), ""]
            )
    return table(columns, rows)


def gaps_table(found: Sequence[SequenceGaps]) -> Table:
    columns = (
        "source",
        "numbers>",
        "missing>",
        "which",
        "not accepted>",
        "which",
        "repeats>",
        "which",
        "unreadable>",
    )
    rows = [
        [each.source, f"{each.first}-{each.last}", str(each.missing_count), _ranges(each.missing),
         str(each.not_accepted_count), _ranges(each.not_accepted), str(each.repeats), _ranges(each.repeated),
         str(each.unreadable)]
        for each in found
    ]  # fmt: skip
    return table(columns, rows)


def gaps_json(each: SequenceGaps) -> Json:
    return {
        "source": each.source,
        "first": each.first,
        "last": each.last,
        "missing": _ranges_json(each.missing, each.missing_count),
        "received_not_accepted": _ranges_json(each.not_accepted, each.not_accepted_count),
        "repeated": _ranges_json(each.repeated, each.repeats),
        "unreadable": each.unreadable,
    }


def _ranges_json(ranges: Ranges, count: int) -> Json:
    listed = [list(pair) for pair in ranges[:RANGES_SHOWN_MAX]]
    return {"count": count, "ranges": listed, "ranges_left_out": len(ranges) - len(listed)}


def _ranges(ranges: Ranges) -> str:
    told = [str(first) if first == last else f"{first}-{last}" for first, last in ranges[:RANGES_IN_A_CELL]]
    more = len(ranges) - len(told)
    return ", ".join(told) + (f" and {more} more" if more else "")


# ---------------------------------------------------------------------------------------------- texts
def duration(microseconds: int) -> str:
    """A lag for a person, in the largest unit of which it has one, with one digit behind the point."""
    for size, unit in UNITS:
        if microseconds >= size:
            return f"{microseconds // size}.{microseconds % size * 10 // size} {unit}"
    return f"{microseconds} µs"


def signed(decimal_text: str) -> str:
    """A difference with its sign, `+` included; 0 has none."""
    grown = grouped(decimal_text)
    return grown if decimal_text == "0" or decimal_text.startswith("-") else f"+{grown}"


def _rate(rate: Fraction | None) -> str | None:
    from tieout.ingest.rate import rate_text

    return None if rate is None else rate_text(rate)


def _count(number: int | None) -> str:
    return "" if number is None else grouped(str(number))


def _hour(instant: int) -> str:
    from tieout.kernel.instant import Instant, format_instant

    return format_instant(Instant(instant))
