"""The state of the second system: catalog, log, policies, credit, and the papers that left the house."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
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
    tax_total: int = 0
    open: int = 0
    """What nobody has paid of it yet."""
    applied: int = 0
    """Of a credit note: what was put against other papers."""
    voided: bool = False
    replaces: list[str] = field(default_factory=list)
    waivers: list[Printed] = field(default_factory=list)


@dataclass(frozen=True)
class Billed:
    """A period of a subscription that its final invoice has ended; `whole` is the calendar's."""

    period: Span
    whole: Span
    charges: tuple[Charge, ...]


@dataclass(frozen=True)
class Account:
    """A customer's period with the subscriptions that have it, under the policy that governs it."""

    customer: str
    period: Span
    subscriptions: tuple[tuple[Document, Span], ...]
    policy: Signed


@dataclass(frozen=True)
class Rule:
    """`kind`: alert, control, or own, which a customer set for itself."""

    kind: str
    key: str
    says: Document


@dataclass(frozen=True)
class Hold:
    customer: str
    until: int | None


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
    known: dict[tuple[str, Span], int] = field(default_factory=dict)
    """Up to which position of the log a sealed period was corrected; until then its own cutoff."""
    crossed: set[tuple[str, ...]] = field(default_factory=set)
    """What an off-cycle rule has billed once."""
    approved: dict[str, int] = field(default_factory=dict)
    """Customers whose late data a person let be billed, as of a position of the log."""
    stated: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """What sources say they sent, by source and name; a difference that was let pass is none."""
    waived: list[dict[str, Any]] = field(default_factory=list)
    movements: list[tuple[str, str, list[tuple[str, int]]]] = field(default_factory=list)
    """Customer, currency and what no paper says, account by account: payments and refunds."""
    drafts: Drafts = field(default_factory=dict)
    by_hand: list[ByHand] = field(default_factory=list)
    waits: list[tuple[str, Span]] = field(default_factory=list)
    """Customers and periods that the last close held."""
    found: list[Printed] = field(default_factory=list)
    """What it found of shifts, and of usage on no invoice."""
    closed_alerts: set[tuple[str, str, int]] = field(default_factory=set)
    """Kind, source and hour of shifts that somebody has looked into."""
    looked: int | None = None
    """How many batches have been looked at; None before the first look."""
    thresholds: dict[tuple[str, str, str, Span, Fraction], tuple[int, bool]] = field(default_factory=dict)
    """Rule, customer, period and threshold -> how often it was crossed, and whether it is armed."""
    holds: list[Hold] = field(default_factory=list)
    reviews: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """Customers whom the invoice rules are to look at."""
    notices: dict[str, int] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    """Who answers for disputes, by role."""
    disputes: dict[str, Any] = field(default_factory=dict)
    own_budgets: dict[str, Fraction] = field(default_factory=dict)
    own_alerts: dict[tuple[str, str], Document] = field(default_factory=dict)

    def tell(self, kind: str) -> None:
        self.notices[kind] = self.notices.get(kind, 0) + 1

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
        start = self.next_start(subscription)
        while True:
            period, whole = self.period_from(subscription, start)
            if period[1] > at:
                return
            if self.active(subscription, period) or self.paid_ahead(subscription, period):
                yield period, whole
            elif all(phase_span(phase)[1] <= start for phase in subscription["phase"]):
                return
            start = period[1]

    def next_start(self, subscription: Document) -> int:
        """Where the next period begins: where the last one ended, or the calendar's that it starts in."""
        done = self.billed.get(subscription["key"], [])
        if done:
            return done[-1].period[1]
        first = phase_span(subscription["phase"][0])[0]
        return self.period_from(subscription, first)[1][0]

    def before(self, subscription: Document, period: Span) -> list[tuple[Span, tuple[Charge, ...]]]:
        """The calendar's periods before one, with all that they asked for."""
        done = self.billed.get(subscription["key"], [])
        return [(each.whole, each.charges) for each in done if each.period[0] < period[0]]

    def currency_of(self, account: Account) -> str:
        return str(self.profile(account)["currency"])

    def zone_of(self, account: Account) -> str:
        return str(self.profile(account)["zone"])

    def profile(self, account: Account) -> Document:
        """The customer as it stands at the last instant of the period."""
        return self.catalog.at("customer", account.customer, account.period[1] - 1)

    def active(self, subscription: Document, period: Span) -> bool:
        return any(overlap(phase_span(phase), period) for phase in subscription["phase"])

    def paid_ahead(self, subscription: Document, period: Span) -> list[Advance]:
        paid = self.advances.get(subscription["key"], [])
        return [each for each in paid if overlap(each.charge.part, period)]
