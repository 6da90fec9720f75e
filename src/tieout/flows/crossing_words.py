"""What crossings are told as: notices for people and programs, and the reason that goes with an effect."""

from __future__ import annotations

from dataclasses import replace

from tieout.contract.alert import Alert
from tieout.contract.notice_target import Severity
from tieout.contract.own_alert import OwnAlert
from tieout.flows.trigger_rules import Rule
from tieout.kernel.canonical import JsonNumber, JsonValue
from tieout.kernel.instant import format_instant
from tieout.kernel.rational import exact_text
from tieout.notice.notice import Notice, data_text, notice_id, one_line, plain_line
from tieout.trigger.alert.telling import Telling, own_telling_of, shown_exact, telling_of
from tieout.trigger.charge.control import Effect, HoldLifted, HoldPlaced, InterimAsked, ReviewAsked
from tieout.trigger.crossing import Change

ALERT_CROSSED = "alert.crossed"
CONTROL_LATE = "charge.late"
"""Told where late usage crosses a control whose action ended with the period."""
OWN_ALERT_CROSSED = "customer.alert.crossed"
CONTROL_KINDS = {
    HoldPlaced: "charge.hold.placed",
    HoldLifted: "charge.hold.lifted",
    ReviewAsked: "charge.review.asked",
    InterimAsked: "charge.interim.asked",
}
CONTROL_WORDS = {
    HoldPlaced: "is held",
    HoldLifted: "is not held any more",
    ReviewAsked: "needs a person's review",
    InterimAsked: "is to be looked at by the invoice rules",
}


def crossing_notices(rule: Rule, alert: Alert | OwnAlert, change: Change) -> list[Notice]:
    """Who is told of a crossing: targets of the catalog, the customer's own targets, or both, each by a
    notice of its own."""
    if isinstance(alert, OwnAlert):
        return [own_notice(rule, change, own_telling_of(alert, change), alert=alert.key)]
    telling = telling_of(alert, change)
    notices = [alert_notice(rule, change, telling)]
    if alert.customer_too:
        notices.append(own_notice(rule, change, replace(telling, targets=()), alert=None))
    return notices


def own_notice(rule: Rule, change: Change, telling: Telling, *, alert: str | None) -> Notice:
    """To the customer: `alert` is its own key of the alert; a rule of the catalog keeps its key to itself."""
    inside = ("rule", "rule_version")
    data = {name: each for name, each in change_data(rule, change).items() if name not in inside}
    return _telling_notice(OWN_ALERT_CROSSED, change, telling, {**data, "alert": alert})


def alert_notice(rule: Rule, change: Change, telling: Telling) -> Notice:
    return _telling_notice(ALERT_CROSSED, change, telling, change_data(rule, change))


def _telling_notice(kind: str, change: Change, telling: Telling, data: dict[str, JsonValue]) -> Notice:
    return Notice(
        notice_id(kind, telling.id),
        kind,
        telling.customer,
        telling.severity,
        change.reading.at,
        change.reading.watermark,
        one_line(telling.title),
        plain_line(telling.text),
        data_text({**data, "targets": list(telling.targets)}),
    )


def effect_notice(rule: Rule, change: Change, effect: Effect, reason: str) -> Notice:
    kind, words = CONTROL_KINDS[type(effect)], CONTROL_WORDS[type(effect)]
    severity = Severity.INFO if isinstance(effect, HoldLifted | InterimAsked) else Severity.WARNING
    return Notice(
        notice_id(kind, effect.id),
        kind,
        effect.customer,
        severity,
        change.reading.at,
        change.reading.watermark,
        one_line(f"{effect.customer} {words}: {rule.name}"),
        plain_line(reason),
        data_text(change_data(rule, change)),
    )


def late_notice(rule: Rule, change: Change) -> Notice:
    """A control was crossed in a period that was over, and its action is past."""
    customer, reading = change.scope.customer, change.reading
    return Notice(
        notice_id(CONTROL_LATE, change.id),
        CONTROL_LATE,
        customer,
        Severity.INFO,
        reading.at,
        reading.watermark,
        one_line(f"{customer} had passed a limit: {rule.name}"),
        effect_reason(rule, change),
        data_text(change_data(rule, change)),
    )


def effect_reason(rule: Rule, change: Change) -> str:
    """Why a control does what it does: `exposure was 512.4 USD, the limit of stop v1 is 500 (Stop ...)`."""
    reading = change.reading
    measured = f"{shown_exact(reading.value)} {reading.unit}"
    threshold = exact_text(change.threshold)
    if reading.whole is not None:
        measured += f", {shown_exact(reading.measured)} % of {shown_exact(reading.whole)} {reading.unit}"
        threshold += " %"
    return (
        f"{rule.watch.figure} is {measured}; {rule.id.key} v{rule.id.version} ({one_line(rule.name)}) is at "
        f"{threshold}. As of {format_instant(reading.at)}, batch {reading.watermark}.{late_words(change)}"
    )


def late_words(change: Change) -> str:
    if not change.is_late:
        return ""
    return f" The period from {format_instant(change.scope.period.start)} is over: this usage came late."


def change_data(rule: Rule, change: Change) -> dict[str, JsonValue]:
    """What programs are told of a change; decimals are strings."""
    reading, scope = change.reading, change.scope
    return {
        "change": change.id,
        "rule": rule.id.key,
        "rule_version": JsonNumber(str(rule.id.version)),
        "figure": rule.watch.figure.value,
        "meter": rule.watch.meter,
        "customer": scope.customer,
        "period": {"start": format_instant(scope.period.start), "end": format_instant(scope.period.end)},
        "threshold": exact_text(change.threshold),
        "ordinal": JsonNumber(str(change.ordinal)),
        "value": exact_text(reading.value),
        "whole": None if reading.whole is None else exact_text(reading.whole),
        "unit": reading.unit,
        "watermark": JsonNumber(str(reading.watermark)),
        "at": format_instant(reading.at),
    }
