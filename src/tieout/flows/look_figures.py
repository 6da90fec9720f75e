"""What rules read of usage, at one position of the log after another.

Each request that was once read is held as live usage holds it, in the same form, and follows the log by the
same fold: a batch costs what it touched. A request that is met for the first time comes from what live usage
keeps, where that stands at the same watermark; else it is counted over the log. Nothing here is recorded:
whoever begins anew reads the same figures (L8).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tieout.aggregate.accumulation import Accumulation, snapshot_of
from tieout.aggregate.breakdown import NO_BREAKDOWN
from tieout.aggregate.snapshot import Snapshot
from tieout.aggregate.standing import Standing
from tieout.aggregate.window import UsageRequest
from tieout.close.calendar import PeriodDefault, calendar_of
from tieout.contract.catalog import Catalog
from tieout.contract.retraction import RETRACTION_TYPE
from tieout.contract.watching import Figure
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.due_accounts import period_defaults
from tieout.flows.fold_batch import BatchFold
from tieout.flows.home import Home
from tieout.flows.kept_totals import kept_totals
from tieout.flows.late_usage_asked import late_usage_asked
from tieout.flows.own_settings import own_book
from tieout.flows.policy import policies
from tieout.flows.rarely_collected import remember
from tieout.flows.read_log import read_log
from tieout.flows.rules_of_customers import RulesOfCustomers
from tieout.flows.standing_requests import Wanted
from tieout.flows.trigger_rules import Rule, of_figures
from tieout.flows.usage_readings import (
    Answers,
    Asked,
    Read,
    Unread,
    asked_usage,
    running_periods,
    usage_readings,
)
from tieout.ingest.retraction import target_of
from tieout.kernel.errors import TieoutError
from tieout.kernel.ids import CustomerId, Subject, Watermark
from tieout.kernel.instant import HOUR_MICROSECONDS, INSTANT_MAX, Instant
from tieout.kernel.quantity import Unmeasurable
from tieout.ports.live import CommittedBatch, RequestDigest

HELD_MAX: Final = 400_000
"""Requests in memory, some 1.5 KB each; beyond, all are let go after a look."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is asked for one customer, in `[since, until)` and by these rules. `opened`: when the last of its
    running periods began."""

    rules: tuple[Rule, ...]
    since: Instant
    until: Instant
    opened: Instant | None
    asked: tuple[Asked, ...]


@dataclass(frozen=True, slots=True)
class TouchedBatch:
    """A batch, whose usage it may have changed, and what rules ask of periods that were over."""

    batch: CommittedBatch
    customers: tuple[CustomerId, ...]
    late: tuple[Asked, ...]
    unread: tuple[Unread, ...]


class LookFigures:
    """Of one home, for as long as a process looks. Not for two threads at once."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._revision: tuple[int, int] | None = None
        self._plans: dict[CustomerId, _Plan] = {}
        self._owners: dict[Subject, set[CustomerId]] = {}
        self._defaults: tuple[PeriodDefault, ...] = ()
        self._held = _Held(home)
        self.rules = self._then = RulesOfCustomers(load_catalog(home), own_book(home))

    def begin(self, watermark: Watermark) -> None:
        """A look begins: by what is applied and signed now, where the last one that was recorded ended."""
        catalog, books = load_catalog(self._home), self._home.books
        revision = (books.documents.revision(), books.signatures.count())
        if revision != self._revision or self.rules.catalog is not catalog:
            self._defaults = period_defaults(policies(self._home))
            self._revision = revision
            self.rules = RulesOfCustomers(catalog, own_book(self._home))
            self._then = RulesOfCustomers(catalog, self.rules.book)
            self._plans.clear()
            self._owners = {}
            for span in catalog.subjects.spans:
                self._owners.setdefault(span.subject, set()).add(span.customer)
        self.rules.book = self._then.book = own_book(self._home)
        self._held.stand_at(watermark)

    @property
    def catalog(self) -> Catalog:
        return self.rules.catalog

    @property
    def defaults(self) -> tuple[PeriodDefault, ...]:
        return self._defaults

    def touched(self, batch: CommittedBatch) -> TouchedBatch:
        """Owners, whenever they owned them, of the subjects of the batch and of what it takes back."""
        hours = {subject: list(begun) for subject, begun in batch.hours().items()}
        named = {target_of(each.event) for each in batch.events(only=RETRACTION_TYPE)}
        for stored in self._home.log.accepted(named).values() if named else ():
            event = stored.event
            hours.setdefault(event.subject, []).append(Instant(event.time - event.time % HOUR_MICROSECONDS))
        of_customers: dict[CustomerId, set[Instant]] = {}
        for subject, begun in hours.items():
            for owner in self._owners.get(subject, ()):
                of_customers.setdefault(owner, set()).update(begun)
        late: list[Asked] = []
        unread: list[Unread] = []
        at = batch.received_at
        for customer in sorted(of_customers):
            mine = of_figures(self.rules.of(customer, at), Figure.USAGE)
            if not mine:
                continue
            try:
                since = self._since(customer, at)
                early = sorted(hour for hour in of_customers[customer] if since is None or hour < since)
                late += late_usage_asked(
                    self._then, self._defaults, customer, early, now_in_force=mine, at=at
                )
            except TieoutError as error:
                unread += [(rule, customer, str(error)) for rule in mine]
        return TouchedBatch(batch, tuple(sorted(of_customers)), tuple(late), tuple(unread))

    def meet(self, batches: Iterable[TouchedBatch]) -> None:
        """What rules ask of these batches is held from where this stands now; all at once, before they are
        folded."""
        wanted: list[Wanted] = []
        for each in batches:
            asked, _ = self._asked(each.customers, each.batch.received_at)
            wanted += [one for ask in (*asked, *each.late) for one in ask.wanted]
        self._held.meet(wanted)

    def fold(self, batch: CommittedBatch) -> None:
        self._held.fold(self.catalog, batch)

    def read_late(self, touched: TouchedBatch) -> tuple[list[Read], list[Unread]]:
        """Of periods that were over when the batch was received; as of where this stands."""
        answers = self._held.answers([one for ask in touched.late for one in ask.wanted])
        found, unread = usage_readings(
            self.catalog,
            touched.late,
            answers,
            watermark=self._held.watermark,
            at=touched.batch.received_at,
        )
        return found, [*touched.unread, *unread]

    def read(
        self, customers: Iterable[CustomerId], at: Instant, *, key: str | None = None
    ) -> tuple[list[Read], list[Unread]]:
        """By customer, then in the order of the rules; as of where this stands. `key`: of this rule alone."""
        asked, unread = self._asked(customers, at)
        if key is not None:
            asked = [each for each in asked if each.rule.id.key == key]
            unread = [each for each in unread if each[0].id.key == key]
        wanted = [each for one in asked for each in one.wanted]
        answers = self._held.answers(wanted)
        found, more = usage_readings(self.catalog, asked, answers, watermark=self._held.watermark, at=at)
        return found, [*unread, *more]

    def _since(self, customer: CustomerId, at: Instant) -> Instant | None:
        """When the last of the customer's running periods began; None where none runs. Raises
        `NothingInForce`."""
        return self._plan(customer, at, of_figures(self.rules.of(customer, at), Figure.USAGE)).opened

    def _asked(self, customers: Iterable[CustomerId], at: Instant) -> tuple[list[Asked], list[Unread]]:
        asked: list[Asked] = []
        unread: list[Unread] = []
        for customer in customers:
            rules = of_figures(self.rules.of(customer, at), Figure.USAGE)
            if not rules:
                continue
            try:
                asked += self._plan(customer, at, rules).asked
            except TieoutError as error:
                unread += [(rule, customer, str(error)) for rule in rules]
        return asked, unread

    def _plan(self, customer: CustomerId, at: Instant, rules: tuple[Rule, ...]) -> _Plan:
        plan = self._plans.get(customer)
        if plan is None or not plan.since <= at < plan.until or plan.rules != rules:
            made = _plan(self.catalog, self._defaults, rules, customer, at)
            plan = remember(self._plans, customer, made)
        return plan


class _Held:
    """Requests as of `watermark`, in memory."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self.watermark = Watermark(0)
        self._fold: BatchFold | None = None
        self._by_digest: dict[RequestDigest, Standing] = {}
        self._by_subject: dict[Subject, list[Standing]] = {}

    def stand_at(self, watermark: Watermark) -> None:
        """What stands elsewhere, after a look that was not recorded or was another's, is let go."""
        if self.watermark != watermark or len(self._by_digest) > HELD_MAX:
            self._by_digest.clear()
            self._by_subject.clear()
        if self.watermark != watermark:
            self.watermark, self._fold = watermark, None

    def meet(self, wanted: Iterable[Wanted]) -> None:
        unmet = {each.digest: each for each in wanted if each.digest not in self._by_digest}
        found = kept_totals(self._home, list(unmet.values()), self.watermark)
        lacking = [each for digest, each in unmet.items() if digest not in found]
        found |= zip((each.digest for each in lacking), self._counted(map(_bare, lacking)), strict=True)
        for digest, one in found.items():
            standing = Standing(_bare(unmet[digest]), digest, one)
            self._by_digest[digest] = standing
            for subject in {span.subject for span in standing.request.spans}:
                self._by_subject.setdefault(subject, []).append(standing)

    def fold(self, catalog: Catalog, batch: CommittedBatch) -> None:
        if self._fold is None:
            self._fold = BatchFold(self._home, self.watermark)
        for standing in self._fold.fold(catalog, batch, self._of_subjects):
            standing.texts.clear()
        self.watermark = batch.number

    def answers(self, wanted: Sequence[Wanted]) -> Answers:
        self.meet(wanted)
        chosen = {each.digest: self._by_digest[each.digest] for each in wanted}
        stale = [each for each in chosen.values() if each.is_stale]
        for standing, one in zip(stale, self._counted(each.request for each in stale), strict=True):
            standing.accumulation, standing.is_stale = one, False
        return {digest: _snapshot(standing, self.watermark) for digest, standing in chosen.items()}

    def _counted(self, requests: Iterable[UsageRequest]) -> list[Accumulation]:
        """Over the log, as of where this stands; all by one question."""
        asked = list(requests)
        if not asked:
            return []
        return read_log(
            self._home,
            lambda manifest: self._home.engine.accumulate_each(asked, manifest),
            watermark=self.watermark,
        )

    def _of_subjects(self, subjects: Collection[Subject]) -> list[Standing]:
        found = {each.digest: each for subject in subjects for each in self._by_subject.get(subject, ())}
        return list(found.values())


def _plan(
    catalog: Catalog,
    defaults: Sequence[PeriodDefault],
    rules: tuple[Rule, ...],
    customer: CustomerId,
    at: Instant,
) -> _Plan:
    running = running_periods(catalog, defaults, customer, at)
    asked = tuple(asked_usage(catalog, rules, running, at))
    changes: set[Instant] = {INSTANT_MAX}
    for subscription in catalog.subscriptions_of(customer):
        changes |= {bound for phase in subscription.phases for bound in (phase.start, phase.end) if bound}
        if subscription.phases and subscription.phases[0].start <= at:
            changes.add(calendar_of(catalog, subscription, defaults).at(at).period.end)
    changes |= {segment.part.start for period in running for segment in period.segments}
    for each in asked:
        meter = each.rule.watch.meter
        changes |= {one.effective_from for one in catalog.meters.versions(meter)} if meter else set()
    opened = max((each.period.start for each in running), default=None)
    return _Plan(rules, at, min(change for change in changes if change > at), opened, asked)


def _bare(wanted: Wanted) -> UsageRequest:
    return replace(wanted.request, breakdown=NO_BREAKDOWN)


def _snapshot(standing: Standing, watermark: Watermark) -> Snapshot | Unmeasurable:
    try:
        return snapshot_of(standing.request, standing.accumulation, watermark)
    except Unmeasurable as refusal:
        return refusal
