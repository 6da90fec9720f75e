"""Pipeline alerts as rows: one for each source, kind and hour, whoever finds it first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction

from sqlalchemy import Connection, Row, insert, select

from tieout.ingest.shift import Share, Shift, ShiftKind
from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.instant import Instant
from tieout.ports import PipelineAlert
from tieout.store.log import schema


class DamagedAlert(IntegrityViolation):
    """The numbers of an alert are not as they were written."""

    code = "damaged-alert"

    def __init__(self, id: str) -> None:
        super().__init__(f"pipeline alert {id} does not hold the numbers that opened it")


def insert_missing(connection: Connection, found: Sequence[Shift], at: Instant) -> tuple[Shift, ...]:
    """Opens the alerts that are not there yet, open or closed; returns their shifts. Under the log's lock."""
    alerts = schema.pipeline_alerts
    ids = [shift.id for shift in found]
    known = (
        set(connection.execute(select(alerts.c.id).where(alerts.c.id.in_(ids))).scalars()) if ids else set()
    )
    new = tuple(shift for shift in found if shift.id not in known)
    if new:
        connection.execute(insert(alerts), [_row_of(shift, at) for shift in new])
    return new


def alert_of(row: Row[tuple[object, ...]]) -> PipelineAlert:
    """Raises `DamagedAlert`."""
    try:
        shift = _shift_of(row)
    except (ValueError, KeyError, TypeError, ZeroDivisionError):
        raise DamagedAlert(row.id) from None
    if shift.id != row.id:
        raise DamagedAlert(row.id)
    closed_at = None if row.closed_at is None else Instant(row.closed_at)
    return PipelineAlert(row.id, shift, Instant(row.opened_at), closed_at, row.closed_by, row.close_reason)


def _row_of(shift: Shift, at: Instant) -> dict[str, object]:
    detail = {
        "now": [shift.now.part, shift.now.whole],
        "before": [shift.before.part, shift.before.whole],
        "hours_before": shift.hours_before,
        "first_hour_before": shift.first_hour_before,
        "z_squared": str(shift.z_squared),
    }
    return {
        "id": shift.id,
        "kind": shift.kind.value,
        "source": shift.source,
        "hour": shift.hour,
        "detail": json.dumps(detail, sort_keys=True),
        "opened_at": at,
    }


def _shift_of(row: Row[tuple[object, ...]]) -> Shift:
    detail = json.loads(row.detail)
    return Shift(
        kind=ShiftKind(row.kind),
        source=row.source,
        hour=Instant(row.hour),
        now=Share(*(int(count) for count in detail["now"])),
        before=Share(*(int(count) for count in detail["before"])),
        hours_before=int(detail["hours_before"]),
        first_hour_before=Instant(int(detail["first_hour_before"])),
        z_squared=Fraction(detail["z_squared"]),
    )
