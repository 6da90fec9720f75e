"""The state of the second system: catalog, log, policies, credit, and the papers that left the house."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.independent.advances import Advance
from tests.independent.calendar_days import period_holding
from tests.independent.documents import Catalog, Document, phase_span
from tests.independent.instants import Span, overlap
from tests.independent.log import Log
from tests.independent.policy import Signed, cadence_of, calendar_at
from tests.independent.rating import Charge
from tests.independent.review import ByHand, Drafts
from tests.independent.totals import Line, Printed
from tests.independent.wallet import Grant


@dataclass
class Paper:
    """A sealed invoice or note. `charges` are all that its period asked for when it was sealed."""

    customer: str
    kind: str
    sequence: int
    period: Span
    number: str
    currency: str
    due_date: str
    sealed_at: int
    cutoff: int
    lines: list[Line]
    total: int
    discounts: list[Printed]
    taxes: list[Printed]
    credits: list[Printed]
    due: int
    paper: str = "invoice"
    taxed: list[Document] = field(default_factory=list)
    tax_reason: str | None = None
    voided: bool = False


@dataclass(frozen=True)
class Billed:
    """A period of a subscription that its final invoice has ended; `whole` is the calendar's."""

    period: Span
    whole: Span
    charges: tuple[Charge, ...]


@dataclass
class World:
    catalog: Catalog
    log: Log
    policies: list[Signed] = field(default_factory=list)
    grants: list[Grant] = field(default_factory=list)
    papers: list[Paper] = field(default_factory=list)
    billed: dict[str, list[Billed]] = field(default_factory=dict)
    """By subscription, in order."""
    advances: dict[str, list[Advance]] = field(default_factory=dict)
    ordinals: dict[str, int] = field(default_factory=dict)
    signed_meters: dict[str, int] = field(default_factory=dict)
    """How many versions after its first the owner of a meter has signed, in order."""
    entries: list[dict[str, Any]] = field(default_factory=list)
    drafts: Drafts = field(default_factory=dict)
    by_hand: list[ByHand] = field(default_factory=list)

    def number(self, series: str) -> str:
        """Without gaps in a series."""
        self.ordinals[series] = self.ordinals.get(series, 0) + 1
        return f"{series}-{self.ordinals[series]:06d}"

    def period_from(self, subscription: Document, start: int) -> tuple[Span, Span]:
        """The period that starts at an instant, and the calendar's that it lies in.

        It ends with the calendar's, or where a phase with another cadence begins.
        """
        calendar = calendar_at(self.catalog, self.policies, subscription["customer"], subscription, start)
        whole = period_holding(start, **calendar)
        end = whole[1]
        for phase in subscription["phase"]:
            begins = phase_span(phase)[0]
            if start < begins < end and (
                (cadence_of(self.catalog, subscription, begins) or calendar["cadence"]) != calendar["cadence"]
            ):
                end = begins
        return (start, end), whole

    def ended(self, subscription: Document, at: int) -> Iterator[tuple[Span, Span]]:
        """Its periods that are over and not billed, in order; without those in which it never was."""
        done = self.billed.get(subscription["key"], [])
        if done:
            start = done[-1].period[1]
        else:
            first = phase_span(subscription["phase"][0])[0]
            start = self.period_from(subscription, first)[1][0]
        while True:
            period, whole = self.period_from(subscription, start)
            if period[1] > at:
                return
            if self.active(subscription, period) or self.paid_ahead(subscription, period):
                yield period, whole
            elif all(phase_span(phase)[1] <= start for phase in subscription["phase"]):
                return
            start = period[1]

    def active(self, subscription: Document, period: Span) -> bool:
        return any(overlap(phase_span(phase), period) for phase in subscription["phase"])

    def paid_ahead(self, subscription: Document, period: Span) -> list[Advance]:
        paid = self.advances.get(subscription["key"], [])
        return [each for each in paid if overlap(each.charge.part, period)]
