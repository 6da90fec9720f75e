"""Which requests live usage must keep up: looked at for every customer at the start, again when anything is
applied or signed, and when a period ends. A little at a time, so that batches do not wait for it.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterable
from typing import Final

from tieout.aggregate.window import UsageRequest
from tieout.close.calendar import PeriodDefault
from tieout.contract.catalog import Catalog
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.due_accounts import period_defaults
from tieout.flows.home import Home
from tieout.flows.policy import policies
from tieout.flows.read_log import read_log
from tieout.flows.standing_kept import StandingKept
from tieout.flows.standing_requests import open_usage
from tieout.kernel.errors import TieoutError
from tieout.kernel.ids import CustomerId, Watermark
from tieout.kernel.instant import Instant
from tieout.ports.live import RequestDigest

PLAN_NANOSECONDS: Final = 50_000_000
"""Spent on planning in one round."""
CUSTOMERS_AT_ONCE: Final = 200
LOOK_NANOSECONDS: Final = 200_000_000
"""So often it is looked whether anything was applied or signed, or a period has ended."""
REQUESTS_COUNTED_AT_ONCE: Final = 100_000
"""So many requests are counted over the whole log by one question to the engine, unless no more are known."""


class StandingPlan:
    """The customers that are still to be looked at, and when each must be looked at again."""

    def __init__(self, home: Home, kept: StandingKept) -> None:
        self._home = home
        self._kept = kept
        self._look_at = 0
        self._revision: tuple[int, int] | None = None
        self._defaults: tuple[PeriodDefault, ...] = ()
        self._queue: dict[CustomerId, None] = {}
        self._ends: list[tuple[Instant, CustomerId]] = []
        self._uncounted: dict[RequestDigest, UsageRequest] = {}

    def work(self, watermark: Watermark) -> None:
        """One round, between two commits; `watermark` is the store's."""
        catalog = load_catalog(self._home)
        if time.monotonic_ns() >= self._look_at:
            self._look_at = time.monotonic_ns() + LOOK_NANOSECONDS
            self._look_again(catalog)
        until = time.monotonic_ns() + PLAN_NANOSECONDS
        while self._queue and len(self._uncounted) < REQUESTS_COUNTED_AT_ONCE:
            self._plan_some(catalog)
            if time.monotonic_ns() > until:
                break
        if self._uncounted and (not self._queue or len(self._uncounted) >= REQUESTS_COUNTED_AT_ONCE):
            self._count(watermark)

    @property
    def is_done(self) -> bool:
        return not self._queue and not self._uncounted

    def again(self, customers: Iterable[CustomerId]) -> None:
        self._queue |= dict.fromkeys(customers)

    def _look_again(self, catalog: Catalog) -> None:
        now = self._home.clock.now()
        books = self._home.books
        revision = (books.documents.revision(), books.signatures.count())
        if revision != self._revision:
            self._revision = revision
            self._defaults = period_defaults(policies(self._home))
            self._queue = {CustomerId(key): None for key in catalog.customers.keys}
            self._ends.clear()
            self._uncounted.clear()
        while self._ends and self._ends[0][0] <= now:
            self._queue[heapq.heappop(self._ends)[1]] = None

    def _plan_some(self, catalog: Catalog) -> None:
        now = self._home.clock.now()
        customers = [*self._queue][:CUSTOMERS_AT_ONCE]
        known = self._home.live.known(customers)
        unwanted: list[RequestDigest] = []
        for customer in customers:
            del self._queue[customer]
            asked: dict[RequestDigest, UsageRequest] = {}
            try:
                found = open_usage(catalog, self._defaults, customer, now)
            except TieoutError:  # told to whoever asks for this customer's usage
                unwanted += known[customer]
                continue
            heapq.heappush(self._ends, (found.until, customer))
            given_up = self._home.live.given_up([*known[customer]])
            for each in found.kept_up:
                if each.fine_digest in given_up:
                    asked[each.digest] = each.request
                asked[each.fine_digest] = each.fine
            self._uncounted |= {name: ask for name, ask in asked.items() if name not in known[customer]}
            unwanted += [digest for digest in known[customer] if digest not in asked]
        if unwanted:
            self._kept.drop(unwanted)

    def _count(self, watermark: Watermark) -> None:
        some = list(self._uncounted.items())[:REQUESTS_COUNTED_AT_ONCE]
        requests = [request for _, request in some]
        found = read_log(
            self._home,
            lambda manifest: self._home.engine.accumulate_each(requests, manifest),
            watermark=watermark,
        )
        self._kept.add([(request, name, one) for (name, request), one in zip(some, found, strict=True)])
        given_up = self._home.live.given_up([name for name, _ in some])
        for name, request in some:
            del self._uncounted[name]
            if name in given_up:
                self._queue[request.customer] = None  # the coarser one is asked for in its place
