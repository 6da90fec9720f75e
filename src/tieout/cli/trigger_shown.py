"""Rules, changes, holds, reviews and requests, as tables and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tieout.cli.screen import Json, table

if TYPE_CHECKING:
    from rich.table import Table

    from tieout.contract.alert import Alert
    from tieout.contract.charge_control import ChargeControl
    from tieout.contract.watching import Watch
    from tieout.flows.triggers import RuleRow
    from tieout.kernel.instant import Instant
    from tieout.kernel.rational import Exact
    from tieout.ports.triggers import Hold, InterimRequest, RecordedChange, Review
    from tieout.trigger.crossing import Reading

ID_SHOWN = 12
"""The first characters of an id; verbs take as many."""


def exact_shown(value: Exact) -> str:
    from tieout.trigger.alert.telling import shown_exact

    return shown_exact(value)


def watch_text(document: Alert | ChargeControl) -> str:
    return watched_text(document.watch)


def watched_text(watch: Watch) -> str:
    """`usage of tokens at 80, 100 % of allowance`."""
    from tieout.contract.watching import Figure
    from tieout.kernel.rational import exact_text

    of = "" if watch.meter is None else f" of {watch.meter}"
    at = ", ".join(exact_text(each) for each in watch.at)
    unit = "" if watch.currency is None else f" {watch.currency}"
    if watch.percent_of is not None:
        unit = f" % of {watch.percent_of}"
    elif watch.growth is not None:
        unit = f" % of the mean of {watch.growth.windows} {watch.growth.window}s before"
    elif watch.figure is Figure.CONTRACT_END:
        unit = " days"
    return f"{watch.figure}{of} at {at}{unit}"


def whom_text(document: Alert | ChargeControl) -> str:
    whom = document.whom
    named = [*whom.customers, *(f"plan {plan}" for plan in whom.plans)]
    return "everyone" if whom.everyone else ", ".join(named)


def reached(watch: Watch, reading: Reading) -> list[Exact]:
    """The thresholds at which the reading is."""
    from tieout.trigger.crossing import is_reached

    return [each for each in watch.at if is_reached(watch, reading, each)]


def rule_json(row: RuleRow) -> dict[str, Json]:
    from tieout.contract.alert import Alert
    from tieout.flows.triggers import watch_json

    document = row.document
    return {
        "key": document.key,
        "kind": "alert" if isinstance(document, Alert) else "charge_control",
        "version": document.version,
        "in_force": row.in_force,
        "name": document.name,
        "enabled": document.enabled,
        "everyone": document.whom.everyone,
        "customers": list(document.whom.customers),
        "plans": list(document.whom.plans),
        "customers_now": row.customers,
        **watch_json(document.watch),
        "action": "tell" if isinstance(document, Alert) else document.action.value,
        "crossed": row.crossed,
    }


def change_rows(changes: Iterable[RecordedChange]) -> Table:
    from tieout.kernel.instant import format_instant
    from tieout.kernel.rational import exact_text

    columns = ("at", "customer", "what", "threshold>", "time>", "was>", "of>", "unit", "batch>", "change")
    rows = (
        [
            format_instant(each.change.reading.at),
            each.change.scope.customer,
            each.change.kind.value,
            exact_text(each.change.threshold),
            str(each.change.ordinal),
            exact_shown(each.change.reading.value),
            "-" if each.change.reading.whole is None else exact_shown(each.change.reading.whole),
            each.change.reading.unit,
            str(each.change.reading.watermark),
            each.change.id[:ID_SHOWN],
        ]
        for each in changes
    )
    return table(columns, rows)


def change_json(recorded: RecordedChange) -> Json:
    from tieout.kernel.instant import format_instant
    from tieout.kernel.rational import exact_text

    change = recorded.change
    rule, scope, reading = change.rule, change.scope, change.reading
    return {
        "id": change.id,
        "rule": rule.key,
        "rule_version": rule.version,
        "kind": change.kind.value,
        "customer": scope.customer,
        "period": {"start": format_instant(scope.period.start), "end": format_instant(scope.period.end)},
        "threshold": exact_text(change.threshold),
        "ordinal": change.ordinal,
        "value": exact_text(reading.value),
        "whole": None if reading.whole is None else exact_text(reading.whole),
        "unit": reading.unit,
        "watermark": reading.watermark,
        "at": format_instant(reading.at),
        "recorded_at": format_instant(recorded.recorded_at),
    }


def holds_table(holds: Iterable[Hold]) -> Table:
    rows = (
        [
            each.id[:ID_SHOWN],
            each.customer,
            ", ".join(each.features) or "all",
            "a rule" if each.change is not None else each.placed_by,
            instant_text(each.placed_at),
            instant_text(each.until),
            each.reason,
            released_text(each),
        ]
        for each in holds
    )
    return table(("hold", "customer", "features", "by", "since", "until", "why", "released"), rows)


def released_text(held: Hold) -> str:
    if held.released is None:
        return "-"
    person, reason, at = held.released
    return f"{instant_text(at)} by {person or 'a rule'}: {reason}"


def hold_json(held: Hold) -> dict[str, Json]:
    released: Json = None
    if held.released is not None:
        person, reason, at = held.released
        released = {"by": person, "reason": reason, "at": instant_text(at)}
    return {
        "id": held.id,
        "customer": held.customer,
        "features": list(held.features),
        "reason": held.reason,
        "placed_by": held.placed_by,
        "placed_at": instant_text(held.placed_at),
        "until": None if held.until is None else instant_text(held.until),
        "change": held.change,
        "released": released,
    }


def reviews_table(reviews: Iterable[Review]) -> Table:
    rows = (
        [
            each.id[:ID_SHOWN],
            each.customer,
            instant_text(each.asked_at),
            each.reason,
            "-" if each.decided is None else f"{each.decided[0]} by {each.decided[1]}: {each.decided[2]}",
        ]
        for each in reviews
    )
    return table(("review", "customer", "since", "why", "decided"), rows)


def review_json(review: Review) -> Json:
    decided: Json = None
    if review.decided is not None:
        what, person, reason, at = review.decided
        decided = {"decision": what, "by": person, "reason": reason, "at": instant_text(at)}
    return {
        "id": review.id,
        "customer": review.customer,
        "reason": review.reason,
        "change": review.change,
        "asked_at": instant_text(review.asked_at),
        "decided": decided,
    }


def request_json(request: InterimRequest) -> Json:
    answer: Json = None
    if request.answer is not None:
        outcome, reason, invoice, at = request.answer
        answer = {"outcome": outcome, "reason": reason, "invoice": invoice, "at": instant_text(at)}
    period = request.asked.period
    return {
        "id": request.asked.request,
        "customer": request.asked.customer,
        "period": {"start": instant_text(period.start), "end": instant_text(period.end)},
        "reason": request.reason,
        "asked_at": instant_text(request.asked_at),
        "answer": answer,
    }


def instant_text(instant: Instant | None) -> str:
    from tieout.kernel.instant import format_instant

    return "-" if instant is None else format_instant(instant)
