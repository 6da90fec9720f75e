"""What the calls of a set mean for the bills: everything worked out anew from everything that was accepted.

One event, one count: the first delivery of an identity counts; the same again is a duplicate, anything else
under it a conflict, and neither counts. A period is billed once, a day (the grace) after it ended. What comes
later for it is late: a correction bills the difference between the period as known then and what was billed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction

from tests.real_usage.instants import HOUR, month_of
from tests.real_usage.money import Price, asked, settled

GRACE = 24 * HOUR


@dataclass(frozen=True)
class Event:
    """One usage fact. `content` is all that it says beside its identity."""

    source: str
    id: str
    subject: str
    time: int
    data: tuple[tuple[str, str], ...]

    @property
    def content(self) -> tuple[object, ...]:
        return (self.subject, self.time, self.data)

    def value(self, name: str) -> str:
        return dict(self.data)[name]


@dataclass(frozen=True)
class Meter:
    """Counts events, or adds up `field` of them; only those whose `where` field has that value."""

    key: str
    unit: str
    field: str | None = None
    where: tuple[str, str] | None = None

    def quantity(self, events: list[Event]) -> tuple[int, Fraction]:
        counted = [
            each for each in events if self.where is None or each.value(self.where[0]) == self.where[1]
        ]
        if self.field is None:
            return len(counted), Fraction(len(counted))
        return len(counted), sum((Fraction(each.value(self.field)) for each in counted), Fraction(0))


@dataclass(frozen=True)
class Phase:
    """From `start` until `end` (None: on) these prices hold."""

    start: int
    end: int | None
    plan: str
    prices: tuple[str, ...]


@dataclass(frozen=True)
class Customer:
    key: str
    zone: str
    phases: tuple[Phase, ...]
    interim_over: Fraction | None = None
    """Billed inside the month whenever so much is not billed yet."""


@dataclass(frozen=True)
class Scope:
    """What is settled together: a price over a part of a period of a customer."""

    customer: str
    price: str
    start: int
    end: int


@dataclass(frozen=True)
class Line:
    """`paper` is the period of the paper that the line is on; the scope may be of an earlier one."""

    paper: tuple[int, int]
    kind: str
    sequence: int
    scope: Scope
    meter: str | None
    events: int | None
    quantity: Fraction | None
    amount: Fraction


@dataclass
class World:
    prices: dict[str, Price]
    meters: dict[str, Meter]
    customers: dict[str, Customer]
    subjects: dict[str, str]
    counts: Counter[str] = field(default_factory=Counter)
    seen: dict[tuple[str, str], Event] = field(default_factory=dict)
    usage: dict[str, list[Event]] = field(default_factory=dict)
    sealed: set[tuple[str, int, int]] = field(default_factory=set)
    settled: dict[Scope, tuple[Fraction, Fraction]] = field(default_factory=dict)
    """What papers so far asked for a scope: quantity and amount."""
    interims: Counter[tuple[str, int]] = field(default_factory=Counter)
    waiting: dict[str, list[Line]] = field(default_factory=dict)
    """Corrections for the next invoice, with no paper yet."""
    lines: list[Line] = field(default_factory=list)
    late: int = 0

    # ------------------------------------------------------------------------------------------ arrivals
    def receive(self, items: list[Event | None]) -> None:
        """None is what cannot be read as an event of its type."""
        for item in items:
            self.counts["received"] += 1
            if item is None:
                self.counts["quarantined"] += 1
                continue
            first = self.seen.get((item.source, item.id))
            if first is not None:
                same = first.content == item.content
                self.counts["duplicate" if same else "conflict"] += 1
                continue
            self.seen[item.source, item.id] = item
            self.counts["accepted"] += 1
            customer = self.subjects[item.subject]
            self.usage.setdefault(customer, []).append(item)
            period = month_of(item.time, self.customers[customer].zone)
            self.late += (customer, *period) in self.sealed

    # ------------------------------------------------------------------------------------------ bills
    def close(self, now: int) -> None:
        """Bills what ended a grace ago, and who may be billed before."""
        for customer in self.customers.values():
            for period in self.periods(customer):
                if (customer.key, *period) in self.sealed:
                    continue
                if period[1] + GRACE <= now:
                    self._final(customer, period)
                elif period[0] <= now < period[1] and customer.interim_over is not None:
                    self._interim(customer, period, now)

    def correct(self) -> None:
        """Every sealed period as known now, less what was billed for it, waits for the next invoice."""
        for name, start, end in sorted(self.sealed):
            customer = self.customers[name]
            for scope, meter, _, quantity, amount in self._asked(customer, (start, end)):
                known = (quantity or Fraction(0), amount)
                before = self.settled[scope]
                more = (known[0] - before[0], known[1] - before[1])
                if more != (0, 0):
                    line = Line((0, 0), "final", 1, scope, meter, None, more[0], more[1])
                    self.waiting.setdefault(name, []).append(line)
                    self.settled[scope] = known

    def periods(self, customer: Customer) -> list[tuple[int, int]]:
        """The months that the phases touch; the last phases of these sets end."""
        found: list[tuple[int, int]] = []
        last = customer.phases[-1].end
        assert last is not None, "a set ends"
        month = month_of(customer.phases[0].start, customer.zone)
        while month[0] < last:
            found.append(month)
            month = month_of(month[1], customer.zone)
        return found

    def _final(self, customer: Customer, period: tuple[int, int]) -> None:
        self.sealed.add((customer.key, *period))
        for scope, meter, events, quantity, amount in self._asked(customer, period):
            self._settle(period, "final", 1, scope, meter, events, quantity, amount)
        for line in self.waiting.pop(customer.key, []):
            self.lines.append(
                Line(period, "final", 1, line.scope, line.meter, None, line.quantity, line.amount)
            )

    def _interim(self, customer: Customer, period: tuple[int, int], now: int) -> None:
        found = [
            each for each in self._asked(customer, period) if each[1] is not None and each[0].start <= now
        ]
        owed = sum((amount - self._before(scope)[1] for scope, _, _, _, amount in found), Fraction(0))
        assert customer.interim_over is not None, "only who has a threshold is looked at"
        if owed < customer.interim_over:
            return
        self.interims[customer.key, period[0]] += 1
        sequence = self.interims[customer.key, period[0]]
        for scope, meter, events, quantity, amount in found:
            self._settle(period, "interim", sequence, scope, meter, events, quantity, amount)

    def _settle(
        self,
        paper: tuple[int, int],
        kind: str,
        sequence: int,
        scope: Scope,
        meter: str | None,
        events: int | None,
        quantity: Fraction | None,
        amount: Fraction,
    ) -> None:
        """A line over what is asked in all, less what earlier papers asked for the same."""
        before = self._before(scope)
        more = None if quantity is None else quantity - before[0]
        self.lines.append(Line(paper, kind, sequence, scope, meter, events, more, amount - before[1]))
        self.settled[scope] = (quantity or Fraction(0), amount)

    def _before(self, scope: Scope) -> tuple[Fraction, Fraction]:
        return self.settled.get(scope, (Fraction(0), Fraction(0)))

    def _asked(
        self, customer: Customer, period: tuple[int, int]
    ) -> list[tuple[Scope, str | None, int | None, Fraction | None, Fraction]]:
        """Each price over each part of the period: events, quantity and the settled amount of all of it."""
        found: list[tuple[Scope, str | None, int | None, Fraction | None, Fraction]] = []
        for phase in customer.phases:
            start = max(phase.start, period[0])
            end = min(period[1] if phase.end is None else phase.end, period[1])
            if start >= end:
                continue
            share = Fraction(end - start, period[1] - period[0])
            within = [each for each in self.usage.get(customer.key, []) if start <= each.time < end]
            for key in phase.prices:
                price = self.prices[key]
                scope = Scope(customer.key, key, start, end)
                if price.meter is None:
                    found.append((scope, None, None, None, settled(asked(price, Fraction(1), share))))
                    continue
                events, quantity = self.meters[price.meter].quantity(within)
                amount = settled(asked(price, quantity, share))
                found.append((scope, price.meter, events, quantity, amount))
        return found
