"""What a crossed alert has to tell: who, what, how far, and as of when."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.contract.alert import Alert
from tieout.contract.notice_target import Severity
from tieout.contract.own_alert import OwnAlert
from tieout.contract.own_target import own_target_key
from tieout.contract.watching import Watch
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import format_instant
from tieout.kernel.rational import Exact, exact_text
from tieout.trigger.crossing import Change


@dataclass(frozen=True, slots=True)
class Telling:
    """`id` is the crossing's, so that telling it twice is telling it once. `targets` empty: all that take
    alerts; of a customer's own alert, all of that customer's."""

    id: str
    customer: CustomerId
    severity: Severity
    title: str
    text: str
    targets: tuple[str, ...]


def telling_of(alert: Alert, change: Change) -> Telling:
    """Of a crossing; being armed again is nothing to tell."""
    customer = change.scope.customer
    return Telling(change.id, customer, alert.severity, alert.name, _text(change, alert.watch), alert.targets)


def own_telling_of(alert: OwnAlert, change: Change) -> Telling:
    """Of a crossing of a customer's own alert, to that customer's own targets."""
    assert change.scope.customer == alert.customer, "a customer's alert reads that customer"
    targets = tuple(own_target_key(alert.customer, key) for key in alert.targets)
    return Telling(change.id, alert.customer, alert.severity, alert.name, _text(change, alert.watch), targets)


def _text(change: Change, watch: Watch) -> str:
    reading, scope = change.reading, change.scope
    measured = f"{shown_exact(reading.value)} {reading.unit}"
    if reading.whole is not None:
        measured += f", {shown_exact(reading.measured)} % of {shown_exact(reading.whole)} {reading.unit}"
    threshold = f"{exact_text(change.threshold)}{'' if reading.whole is None else ' %'}"
    since, at = format_instant(scope.period.start), format_instant(reading.at)
    text = f"{watch.figure} of {scope.customer} in the period from {since} is {measured}; the alert is at "
    text += f"{threshold}. As of {at}, batch {reading.watermark}."
    return text + " The period is over: this usage came late." if change.is_late else text


def shown_exact(value: Exact) -> str:
    """Exact, or to six places where that takes too many digits to read."""
    text = exact_text(value)
    if "/" not in text:
        return text
    return f"about {exact_text(Exact(round(value * 10**6), 10**6))}"
