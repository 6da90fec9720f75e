"""Live usage as JSON: decimals as strings, instants in RFC 3339, and the watermark that it stands at."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tieout.aggregate.snapshot import Snapshot
from tieout.flows.live_usage import LiveUsage
from tieout.flows.usage_windows import WindowUsage
from tieout.kernel.instant import format_instant
from tieout.kernel.period import Period
from tieout.kernel.quantity import Unmeasurable
from tieout.rate.conversion import converted

Members = dict[str, Any]


def usage_document(
    live: LiveUsage, *, group_by: tuple[str, ...] = (), windows: Iterable[WindowUsage] | None = None
) -> Members:
    found: Members = {
        "customer": live.customer,
        "period": _period(live.period),
        "watermark": live.watermark,
        "as_of": None if live.as_of is None else format_instant(live.as_of),
        "rows": [_row(each, group_by) for each in live.snapshots],
    }
    if windows is not None:
        found["windows"] = [
            {"window": _period(each.window), **_row(each.snapshot, group_by)} for each in windows
        ]
    return found


def _row(found: Snapshot | Unmeasurable, group_by: tuple[str, ...]) -> Members:
    if isinstance(found, Unmeasurable):
        return {"unmeasurable": found.code, "detail": str(found)}
    row: Members = {
        "subscription": found.subscription,
        "meter": found.meter,
        "meter_version": found.meter_version,
        "period": _period(found.period),
        "unit": found.unit,
        "quantity": str(found.quantity),
        "converted": _converted(found),
        "event_count": found.event_count,
        "excluded_count": found.excluded_count,
        "retracted_count": found.retracted_count,
        "fingerprint": str(found.fingerprint),
    }
    if group_by and found.breakdown.dimensions == tuple(sorted(group_by)):
        row["groups"] = [
            {
                "by": dict(zip(found.breakdown.dimensions, group.values, strict=True)),
                "quantity": str(group.quantity),
                "event_count": group.event_count,
            }
            for group in found.groups
        ]
    return row


def _converted(found: Snapshot) -> Members | None:
    conversion = found.conversion
    if conversion is None:
        return None
    return {"quantity": str(converted(found.quantity, conversion)), "unit": conversion.unit}


def _period(period: Period) -> Members:
    return {"start": format_instant(period.start), "end": format_instant(period.end)}
