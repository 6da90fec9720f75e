"""When a rule is crossed: exactly once for each threshold and ordinal, whatever is looked at again (L16).

A rule's state follows from the figures at the positions that were looked at, in order; nothing here reads a
clock. Whoever looks again at the same position finds the same changes with the same ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from tieout.contract.watching import Figure, Rearm, Watch
from tieout.kernel.digest import document_digest
from tieout.kernel.ids import CustomerId, Watermark
from tieout.kernel.instant import Instant, format_instant
from tieout.kernel.period import Period
from tieout.kernel.rational import Exact, exact_text

PERCENT = Exact(100)


class RuleKind(StrEnum):
    """What a rule is: alerts tell, controls limit, and alerts that a customer set for itself tell it alone.
    When to bill is said by the signed policy, not here."""

    ALERT = "alert"
    CHARGE_CONTROL = "charge_control"
    OWN_ALERT = "own_alert"


@dataclass(frozen=True, slots=True)
class RuleId:
    """One version of a rule. Of a customer's own alert the key alone does not say whose: its scope does."""

    kind: RuleKind
    key: str
    version: int


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """Whom a figure is of, and for which billing period."""

    customer: CustomerId
    period: Period


@dataclass(frozen=True, slots=True)
class Reading:
    """A figure as of a position of the log. `whole` is what 100 % is, where thresholds are percentages; a
    figure with nothing to be measured by is not read. `unit` is a meter's unit, a currency or "day"."""

    value: Exact
    whole: Exact | None
    unit: str
    watermark: Watermark
    at: Instant

    @property
    def measured(self) -> Exact:
        """In what thresholds are in: percent of `whole`, or the value itself."""
        return self.value if self.whole is None else self.value * PERCENT / self.whole


class ChangeKind(StrEnum):
    """A threshold is reached, or the rule may be crossed there again."""

    CROSSED = "crossed"
    REARMED = "rearmed"


@dataclass(frozen=True, slots=True)
class ThresholdState:
    """How often it was crossed in the period, and whether it may be crossed (again)."""

    ordinal: int = 0
    armed: bool = True


@dataclass(frozen=True, slots=True)
class Change:
    """A threshold crossed for the `ordinal`-th time, or armed again after that."""

    rule: RuleId
    scope: Scope
    threshold: Exact
    ordinal: int
    kind: ChangeKind
    reading: Reading

    @property
    def is_late(self) -> bool:
        """Found when its period was over: by usage that came late."""
        return self.kind is ChangeKind.CROSSED and self.scope.period.end <= self.reading.at

    @property
    def id(self) -> str:
        """The same whenever and wherever it is found: the data that justifies it is not part of it."""
        rule, scope = self.rule, self.scope
        named = [
            *(rule.kind.value, rule.key, str(rule.version), scope.customer),
            *(format_instant(scope.period.start), format_instant(scope.period.end)),
            *(exact_text(self.threshold), self.kind.value, str(self.ordinal)),
        ]
        return document_digest("\n".join(named))[:32]


def changes(
    rule: RuleId,
    watch: Watch,
    scope: Scope,
    states: Sequence[ThresholdState],
    reading: Reading,
) -> tuple[tuple[ThresholdState, ...], tuple[Change, ...]]:
    """The state of each threshold of `watch.at` after this reading, and what changed, lowest first.

    A rule that comes into force when its figure is there already is crossed at once.
    """
    after: list[ThresholdState] = []
    found: list[Change] = []
    for threshold, state in zip(watch.at, states, strict=True):
        if state.armed and is_reached(watch, reading, threshold):
            state = ThresholdState(state.ordinal + 1, armed=False)  # noqa: PLW2901 - the same threshold, moved on
            found.append(Change(rule, scope, threshold, state.ordinal, ChangeKind.CROSSED, reading))
        elif not state.armed and _is_back(watch, reading, threshold):
            state = replace(state, armed=True)  # noqa: PLW2901
            found.append(Change(rule, scope, threshold, state.ordinal, ChangeKind.REARMED, reading))
        after.append(state)
    return tuple(after), tuple(found)


def late_changes(
    rule: RuleId,
    watch: Watch,
    scope: Scope,
    states: Sequence[ThresholdState],
    reading: Reading,
) -> tuple[tuple[ThresholdState, ...], tuple[Change, ...]]:
    """The same for a period that is over, which late usage has changed: a threshold that was never crossed in
    it is crossed, once. What was crossed stays so, whatever is taken back or comes after: nobody acts in a
    period that is over.
    """
    found = [
        changes(rule, replace(watch, at=(threshold,)), scope, [state], reading)
        if not state.ordinal
        else ((state,), ())
        for threshold, state in zip(watch.at, states, strict=True)
    ]
    return tuple(after for each, _ in found for after in each), tuple(
        one for _, each in found for one in each
    )


def is_reached(watch: Watch, reading: Reading, threshold: Exact) -> bool:
    """The days of a contract run down; every other figure is reached from below. On the threshold is
    reached."""
    if watch.figure is Figure.CONTRACT_END:
        return reading.measured <= threshold
    return reading.measured >= threshold


def _is_back(watch: Watch, reading: Reading, threshold: Exact) -> bool:
    if watch.rearm is Rearm.PERIOD:
        return False
    if watch.figure is Figure.CONTRACT_END:
        return reading.measured > threshold
    return reading.measured < (threshold if watch.rearm_below is None else watch.rearm_below)
