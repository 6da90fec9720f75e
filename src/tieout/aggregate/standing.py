"""A request that is kept up while events come: what one more event, or one that is taken back, does to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tieout.aggregate.accumulation import (
    FOLDINGS,
    Accumulation,
    GroupKey,
    contains,
    of_selected,
    put_in,
    states,
    take_out,
)
from tieout.aggregate.breakdown import UsageGroup
from tieout.aggregate.event import MeterEvent
from tieout.aggregate.folding import Folding
from tieout.aggregate.select import Excluded, Selected, select
from tieout.aggregate.window import UsageRequest


@dataclass(slots=True)
class Standing:
    """`is_stale`: its events must be counted again before it is right. `groups`, `texts` and `groups_gone`
    name what changed since they were last emptied.
    """

    request: UsageRequest
    digest: str
    accumulation: Accumulation
    is_stale: bool = False
    groups: set[GroupKey] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    groups_gone: list[UsageGroup] = field(default_factory=list)

    @property
    def folds(self) -> bool:
        return FOLDINGS[self.request.meter.aggregation] is not Folding.NEVER

    def arrive(self, event: MeterEvent, *, retracted: bool) -> bool:
        """One accepted event, which may be retracted already. Returns whether it is any of the request's."""
        if not self.folds:
            return self._asks_for_recount(event)
        one = self._of(event)
        if one is None:
            return False
        if retracted:
            one = Accumulation(retracted_count=one.event_count)
        self.put(one)
        return not one.is_empty

    def take_back(self, event: MeterEvent) -> bool:
        """An event that came in an earlier batch is retracted now."""
        if not self.folds:
            return self._asks_for_recount(event)
        one = self._of(event)
        if one is None:
            return False
        if not self.is_stale and not take_out(self.accumulation, one, self.request.meter.aggregation):
            self.is_stale = True
        self._note(one.groups, one.texts)
        self.groups_gone += [
            group for key, group in one.groups.items() if key not in self.accumulation.groups
        ]
        return True

    def put(self, more: Accumulation) -> None:
        """Events that came together, counted elsewhere."""
        if not self.is_stale:
            put_in(self.accumulation, more, self.request.meter.aggregation)
            self._note(more.groups, more.texts)

    def _of(self, event: MeterEvent) -> Accumulation | None:
        """The event alone, as if it were not retracted; None where the request is not about it."""
        if not contains(self.request.spans, event):
            return None
        selection = select(self.request.meter, event, self.request.breakdown.amount_field)
        if isinstance(selection, Selected):
            return of_selected(self.request, [selection])
        return Accumulation(excluded_count=1) if isinstance(selection, Excluded) else None

    def _asks_for_recount(self, event: MeterEvent) -> bool:
        about = event.type == self.request.meter.event and states(self.request, event)
        self.is_stale = self.is_stale or about
        return about

    def _note(self, groups: Iterable[GroupKey], texts: Iterable[str]) -> None:
        self.groups.update(groups)
        self.texts.update(texts)
