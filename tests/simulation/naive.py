"""What must have come of it, computed again from the events as they were sent, in the order of the log.

Nothing here is Tieout's: sums, thresholds, cents and hours are counted by hand.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction

from tests.simulation.traffic import YEAR_BEGINS, Said
from tests.simulation.world import Customer

FEE, FREE_CALLS, BUDGET = Fraction(10), 20, Fraction(24)


@dataclass(frozen=True, slots=True)
class Logged:
    """One batch of the log: which contents it accepted, in order."""

    number: int
    said: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Crossed:
    """A threshold of a rule, reached (or, `is_back`, armed again) for the `ordinal`-th time."""

    rule: str
    customer: str
    threshold: str
    ordinal: int
    is_back: bool
    value: Fraction
    batch: int

    @property
    def name(self) -> tuple[str, str, str, int, bool]:
        return self.rule, self.customer, self.threshold, self.ordinal, self.is_back


@dataclass(frozen=True, slots=True)
class UsageRule:
    """`below`: armed again below that; None: not in this month."""

    key: str
    meter: str
    at: tuple[int, ...]
    below: int | None
    plan: str | None = None
    percent_of: int | None = None


USAGE_RULES = (
    UsageRule("many-tokens", "tokens", (3_000, 6_000), 2_500),
    UsageRule("free-calls", "calls", (40, 60), None, "included", FREE_CALLS),
    UsageRule("stop-tokens", "tokens", (6_500,), 6_500),
    UsageRule("stop-calls", "calls", (13,), None, "included"),
)
MONEY_RULES = {
    "costly": ("included", (Fraction(21),), None),
    "budget": ("included", (Fraction(60), Fraction(90)), BUDGET),
    "look-at": ("included", (Fraction(22),), None),
    "bill-now": ("runaway", (Fraction(60),), None),
}
"""Whom, at which thresholds, and as percentages of what. Each is crossed at most once in a month."""


@dataclass(slots=True)
class Usage:
    calls: int = 0
    tokens: int = 0


@dataclass(slots=True)
class Naive:
    """All that follows from the log. `history`: usage of a customer after each batch that changed it."""

    customers: dict[str, Customer]
    crossings: list[Crossed] = field(default_factory=list)
    usage: dict[str, Usage] = field(default_factory=lambda: defaultdict(Usage))
    history: dict[str, list[tuple[int, Usage]]] = field(default_factory=lambda: defaultdict(list))
    _states: dict[tuple[str, str, int], tuple[int, bool]] = field(default_factory=dict)
    _counted: dict[str, Said] = field(default_factory=dict)
    _gone: set[str] = field(default_factory=set)

    def take(self, batch: Logged) -> None:
        touched: set[str] = set()
        for said in batch.said:
            if said.takes_back is not None:
                self._gone.add(said.takes_back)
                counted = self._counted.pop(said.takes_back, None)
                if counted is not None:
                    self._add(counted, -1)
                    touched.add(counted.customer)
            elif said.id not in self._gone and self._is_counted(said):
                self._counted[said.id] = said
                self._add(said, 1)
                touched.add(said.customer)
        for key in sorted(touched):
            usage = self.usage[key]
            self.history[key].append((batch.number, Usage(usage.calls, usage.tokens)))
            self._look(key, usage, batch.number)

    def cost_at(self, customer: str, batch: int) -> Fraction:
        """What the month costs with what the log said at the end of that batch, before interim invoices."""
        usage = Usage()
        for number, found in self.history[customer]:
            if number <= batch:
                usage = found
        return cost(self.customers[customer].plan, usage)

    def cost(self, customer: str) -> Fraction:
        return cost(self.customers[customer].plan, self.usage[customer])

    def standing(self, rule: str) -> set[str]:
        """Whom the last crossing of a rule left crossed."""
        return {key for (name, key, _), (_, armed) in self._states.items() if name == rule and not armed}

    def _is_counted(self, said: Said) -> bool:
        return not said.is_test and in_january(self.customers[said.customer], said.time)

    def _add(self, said: Said, sign: int) -> None:
        usage = self.usage[said.customer]
        usage.calls += sign
        usage.tokens += sign * said.tokens

    def _look(self, customer: str, usage: Usage, batch: int) -> None:
        for rule in USAGE_RULES:
            if rule.plan not in (None, self.customers[customer].plan):
                continue
            value = usage.tokens if rule.meter == "tokens" else usage.calls
            measured = Fraction(value) if rule.percent_of is None else Fraction(value * 100, rule.percent_of)
            for threshold in rule.at:
                key = rule.key, customer, threshold
                ordinal, armed = self._states.get(key, (0, True))
                if armed and measured >= threshold:
                    self._states[key] = ordinal + 1, False
                    self._tell(rule, customer, threshold, ordinal + 1, False, value, batch)
                elif not armed and rule.below is not None and value < rule.below:
                    self._states[key] = ordinal, True
                    self._tell(rule, customer, threshold, ordinal, True, value, batch)

    def _tell(
        self, rule: UsageRule, customer: str, at: int, ordinal: int, is_back: bool, value: int, batch: int
    ) -> None:
        found = Crossed(rule.key, customer, str(at), ordinal, is_back, Fraction(value), batch)
        self.crossings.append(found)


def naive_of(customers: Iterable[Customer], batches: Iterable[Logged]) -> Naive:
    found = Naive({each.key: each for each in customers})
    for batch in batches:
        found.take(batch)
    return found


def in_january(customer: Customer, time: datetime) -> bool:
    """By the clocks of the customer, which no change of them comes near."""
    local = time + timedelta(hours=customer.hours)
    return YEAR_BEGINS <= local < YEAR_BEGINS + timedelta(days=31)


def cost(plan: str, usage: Usage) -> Fraction:
    """Dollars: a fee, calls, and tokens by the thousand, each to the cent, halves up."""
    calls = Fraction(15 * usage.calls, 1_000)
    if plan == "included":
        calls = Fraction(2 * max(usage.calls - FREE_CALLS, 0), 100)
    first, rest = min(usage.tokens, 5_000), max(usage.tokens - 5_000, 0)
    tokens = Fraction(first * 2, 1_000) + Fraction(rest * 3, 2_000)
    return FEE + cents(calls) + cents(tokens)


def cents(amount: Fraction) -> Fraction:
    return Fraction(int(amount * 100 + Fraction(1, 2)), 100)
