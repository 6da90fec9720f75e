"""Rows of the trigger tables, and the records they are."""

from __future__ import annotations

import json

from sqlalchemy import RowMapping

from tieout.kernel.ids import CustomerId, Watermark
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.kernel.rational import Exact, exact_text
from tieout.ports.triggers import Hold, InterimRequest, Review
from tieout.trigger.crossing import Change, ChangeKind, Reading, RuleId, RuleKind, Scope
from tieout.trigger.invoice.request import CloseAsked

Row = dict[str, str | int | None]


def exact_of(text: str) -> Exact:
    """The way back from `exact_text`, fractions included."""
    return Exact(text)


def change_row(change: Change, at: Instant) -> Row:
    rule, scope, reading = change.rule, change.scope, change.reading
    return {
        "id": change.id,
        "rule_kind": rule.kind.value,
        "rule": rule.key,
        "rule_version": rule.version,
        "customer": scope.customer,
        "period_start": scope.period.start,
        "period_end": scope.period.end,
        "threshold": exact_text(change.threshold),
        "kind": change.kind.value,
        "ordinal": change.ordinal,
        "value": exact_text(reading.value),
        "whole": None if reading.whole is None else exact_text(reading.whole),
        "unit": reading.unit,
        "watermark": reading.watermark,
        "at": reading.at,
        "recorded_at": at,
    }


def change_of(row: RowMapping) -> Change:
    rule = RuleId(
        RuleKind(row["rule_kind"]),
        row["rule"],
        row["rule_version"],
    )
    reading = Reading(
        exact_of(row["value"]),
        None if row["whole"] is None else exact_of(row["whole"]),
        row["unit"],
        Watermark(row["watermark"]),
        Instant(row["at"]),
    )
    period = Period(Instant(row["period_start"]), Instant(row["period_end"]))
    return Change(
        rule,
        Scope(CustomerId(row["customer"]), period),
        exact_of(row["threshold"]),
        row["ordinal"],
        ChangeKind(row["kind"]),
        reading,
    )


def hold_row(held: Hold) -> Row:
    return {
        "id": held.id,
        "customer": held.customer,
        "features": json.dumps(held.features),
        "reason": held.reason,
        "placed_by": held.placed_by,
        "placed_at": held.placed_at,
        "until": held.until,
        "change": held.change,
    }


def hold_of(row: RowMapping) -> Hold:
    released = None
    if row["released_at"] is not None:
        released = row["released_by"], row["released_why"], Instant(row["released_at"])
    return Hold(
        row["id"],
        CustomerId(row["customer"]),
        tuple(json.loads(row["features"])),
        row["reason"],
        row["placed_by"],
        Instant(row["placed_at"]),
        None if row["until"] is None else Instant(row["until"]),
        row["change"],
        released,
    )


def review_of(row: RowMapping) -> Review:
    decided = None
    if row["decided_at"] is not None:
        decided = row["decision"], row["person"], row["decided_why"], Instant(row["decided_at"])
    return Review(
        row["id"],
        CustomerId(row["customer"]),
        row["reason"],
        row["change"],
        Instant(row["asked_at"]),
        decided,
    )


def interim_of(row: RowMapping) -> InterimRequest:
    answer = None
    if row["answered_at"] is not None:
        answer = row["outcome"], row["answer_why"], row["invoice"], Instant(row["answered_at"])
    period = Period(Instant(row["period_start"]), Instant(row["period_end"]))
    asked = CloseAsked(row["id"], CustomerId(row["customer"]), period)
    seen = Watermark(row["seen"])
    return InterimRequest(asked, row["reason"], Instant(row["asked_at"]), answer, seen)
