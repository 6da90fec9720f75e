"""The billing periods of a subscription: they tile its time, whatever changes meanwhile (L7).

A period steps from its anchor by its cadence, at local midnight. Zone, anchor and the policy's cadence are
those in force when a period starts, and hold to its end; what changes inside begins with the next period,
which is then a stub: what is left of the calendar's period in which it starts. Only a plan of another cadence
does not wait: its fees are for periods of its own, so the running period ends where the plan begins, and what
is left of the new plan's period is the stub.

So the period after an instant depends on that instant alone. A subscription that starts or ends inside a
period still gets the whole period on its invoice; its segments say which part it pays for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from tieout.contract.catalog import Catalog
from tieout.contract.party import Customer
from tieout.contract.policy import Anchoring
from tieout.contract.subscription import Subscription
from tieout.kernel.cadence import Cadence
from tieout.kernel.calendar import Anchor, local_date, period_at
from tieout.kernel.instant import INSTANT_MIN, Instant
from tieout.kernel.period import Period
from tieout.kernel.zone import zone

CALENDAR_FIRST = date(2024, 1, 1)
"""A Monday, which starts a week (ISO 8601), and the first of a year, which starts every month, quarter and
year."""


@dataclass(frozen=True, slots=True)
class PeriodDefault:
    """What a policy, in force from `since`, says of the periods of who says nothing: `anchor_day` is of a
    calendar of months."""

    since: Instant
    cadence: Cadence
    anchoring: Anchoring = Anchoring.CALENDAR
    anchor_day: int = 1


MONTHLY = PeriodDefault(INSTANT_MIN, Cadence.MONTHLY)
"""What holds where no policy is signed: usage can be looked at before anybody may be billed."""


@dataclass(frozen=True, slots=True)
class BillingPeriod:
    """`period` is billed at once; `whole` is the period of the calendar that it is, or is what is left of
    after a change."""

    period: Period
    whole: Period


@dataclass(frozen=True, slots=True)
class _Terms:
    """What holds for periods that start at `since` or later, until the next terms. `anchor` None: as the
    policy says."""

    since: Instant
    zone_name: str
    anchor: date | None
    default: PeriodDefault


@dataclass(frozen=True, slots=True)
class _Asked:
    """The cadence that the plan in force from `since` asks for; None: the policy's."""

    since: Instant
    cadence: Cadence | None


@dataclass(frozen=True, slots=True)
class BillingCalendar:
    """The periods of one subscription. `terms` and `asked` are in order; the first of each reaches back for
    ever."""

    subscription: Subscription
    terms: tuple[_Terms, ...]
    asked: tuple[_Asked, ...]

    def at(self, instant: Instant) -> BillingPeriod:
        """The one that holds the instant. Its steps are those of the changes before, not of the time."""
        running: BillingPeriod | None = None
        for change in self._changes():
            if change > instant:
                break
            if running is None or running.period.end < change:
                running = self._holding(Instant(change - 1), running)
        if running is not None and instant < running.period.end:
            return running
        return self._holding(instant, running)

    def begun(self, *, since: Instant | None, until: Instant) -> Iterator[BillingPeriod]:
        """Those that start before `until`, and in which the subscription has a phase, in order.

        `since` is where an earlier one ended: what lies before is left out. None: from the first.
        """
        found = self.at(self.subscription.phases[0].start) if since is None else self._from(since)
        end = self.subscription.end
        while found.period.start < until and (end is None or found.period.start < end):
            if is_active(self.subscription, found.period):
                yield found
            found = self._from(found.period.end)

    def next_end(self, instant: Instant) -> BillingPeriod | None:
        """The first that ends after the instant and in which the subscription has a phase."""
        found = self.at(max(instant, self.subscription.phases[0].start))
        if is_active(self.subscription, found.period):
            return found
        ahead = (phase.start for phase in self.subscription.phases if phase.start >= found.period.end)
        start = min(ahead, default=None)
        return None if start is None else self.at(start)

    def after(self, instant: Instant) -> BillingPeriod:
        """The one that starts where another ended."""
        return self._from(instant)

    def count(self, start: Instant, end: Instant) -> int:
        """How many there are from the one that holds `start` to the one before `end`; a stub is one."""
        found = self.at(start)
        count = 0
        while found.period.start < end:
            count += 1
            found = self._from(found.period.end)
        return count

    def _changes(self) -> list[Instant]:
        changed = {terms.since for terms in self.terms[1:]} | {asked.since for asked in self.asked[1:]}
        return sorted(changed)

    def _holding(self, instant: Instant, before: BillingPeriod | None) -> BillingPeriod:
        """The one that holds the instant, if nothing changed between the end of `before` and it."""
        start = instant if before is None else before.period.end
        whole = period_at(self._anchor(start), instant)
        return self._from(whole.start if before is None else max(whole.start, start))

    def _from(self, start: Instant) -> BillingPeriod:
        anchor = self._anchor(start)
        whole = period_at(anchor, start)
        default = self._terms(start).default
        for asked in self.asked:
            if start < asked.since < whole.end and (asked.cadence or default.cadence) != anchor.cadence:
                return BillingPeriod(Period(start, asked.since), whole)
        return BillingPeriod(Period(start, whole.end), whole)

    def _anchor(self, start: Instant) -> Anchor:
        """From where the period steps that starts there."""
        terms = self._terms(start)
        asked = next(each for each in reversed(self.asked) if each.since <= start)
        cadence = asked.cadence or terms.default.cadence
        return Anchor(cadence, terms.zone_name, terms.anchor or self._first_day(terms, cadence))

    def _terms(self, start: Instant) -> _Terms:
        return next(each for each in reversed(self.terms) if each.since <= start)

    def _first_day(self, terms: _Terms, cadence: Cadence) -> date:
        if terms.default.anchoring is Anchoring.ANNIVERSARY:
            return local_date(self.subscription.phases[0].start, zone(terms.zone_name))
        return CALENDAR_FIRST.replace(day=terms.default.anchor_day) if cadence.months else CALENDAR_FIRST


def calendar_of(
    catalog: Catalog, subscription: Subscription, defaults: Sequence[PeriodDefault] = ()
) -> BillingCalendar:
    """The calendar of a subscription whose customer and plans are in the catalog; `defaults` in order, the
    first also for the time before it."""
    return BillingCalendar(
        subscription,
        tuple(_all_terms(catalog.customers.versions(subscription.customer), defaults or (MONTHLY,))),
        tuple(_all_asked(catalog, subscription)),
    )


def is_active(subscription: Subscription, period: Period) -> bool:
    """Whether the subscription has a phase inside the period."""
    return any(
        phase.start < period.end and (phase.end is None or period.start < phase.end)
        for phase in subscription.phases
    )


def _all_terms(profiles: Sequence[Customer], defaults: Sequence[PeriodDefault]) -> Iterator[_Terms]:
    changes = {each.effective_from for each in profiles[1:]} | {each.since for each in defaults[1:]}
    before: _Terms | None = None
    for since in (INSTANT_MIN, *sorted(changes)):
        profile = next((each for each in reversed(profiles) if each.effective_from <= since), profiles[0])
        default = next((each for each in reversed(defaults) if each.since <= since), defaults[0])
        terms = _Terms(since, profile.zone, profile.anchor, default)
        if before is None or replace(terms, since=before.since) != before:
            yield terms
            before = terms


def _all_asked(catalog: Catalog, subscription: Subscription) -> Iterator[_Asked]:
    """One for each plan version of each phase; a gap between two phases belongs to the one before it."""
    since = INSTANT_MIN
    for phase in subscription.phases:
        for place, plan in enumerate(catalog.plans_of(phase)):
            begins = plan.effective_from if place else phase.start
            yield _Asked(since if since == INSTANT_MIN else begins, plan.cadence)
            since = begins
    if since == INSTANT_MIN:
        yield _Asked(since, None)
