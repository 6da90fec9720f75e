"""Which period of its account a recorded sample is of, whatever becomes of the account's zone.

What is recorded names its period by the instants between which it lies, which no later profile changes once
it has begun. Where the period was changed before it began, or nothing but days was recorded, the days say
which it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from tieout.close.calendar import PeriodDefault
from tieout.close.period_zone import Days, days_of, period_said, periods_around, zone_of
from tieout.contract.catalog import Catalog
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.due_accounts import period_defaults
from tieout.flows.home import Home
from tieout.flows.policy import policies
from tieout.kernel.ids import CustomerId
from tieout.kernel.period import Period
from tieout.readiness.facts import Billed, Expectation


class SamplePeriods:
    """Of one account: the periods of its papers and drafts, and those of its calendars."""

    def __init__(self, home: Home, account: CustomerId) -> None:
        self._catalog: Catalog = load_catalog(home)
        self._defaults: Sequence[PeriodDefault] = period_defaults(policies(home))
        self._account = account
        self._found: dict[tuple[Days, Period | None], Period | None] = {}
        self._papers = [each.period for each in home.books.invoices.sealed(account)]
        self._papers += [each.period for each in home.books.drafts.open() if each.customer == account]

    def of(self, expected: Expectation) -> Period | None:
        """None: the account has no such period, and nothing of it runs."""
        said, named = (expected.billed.start, expected.billed.end), expected.period
        if (said, named) not in self._found:
            self._found[said, named] = self._meant(said, named)
        return self._found[said, named]

    def is_of(self, expected: Expectation, period: Period) -> bool:
        """Whether a paper for that period is the one that is meant: of a period that was cut off at what was
        sealed before, the days say so."""
        meant = self.of(expected)
        if meant is None:
            return self.days(period) == (expected.billed.start, expected.billed.end)
        return meant == period or (meant.overlaps(period) and self.days(meant) == self.days(period))

    def billed(self, expected: Expectation) -> Billed:
        """As it is named now: by the days of its period, or by those that were said."""
        meant = self.of(expected)
        return expected.billed if meant is None else Billed(*self.days(meant), expected.billed.paper)

    def days(self, period: Period) -> Days:
        return days_of(self._catalog, self._account, period)

    def said(self, said: Days) -> Period | None:
        """The billing period of the account that has these days."""
        return period_said(self._catalog, self._account, self.around(said), said)

    def around(self, said: Days) -> tuple[Period, ...]:
        return periods_around(self._catalog, self._account, self._defaults, said)

    def zone(self, period: Period) -> str:
        return zone_of(self._catalog, self._account, period)

    def _meant(self, said: Days, named: Period | None) -> Period | None:
        known = (*self._papers, *self.around(said))
        if named is not None and (named in known or named in self.around(self.days(named))):
            return named
        return period_said(self._catalog, self._account, known, said)
