"""What a catalog would change about periods that are sealed: that is a correction, so `apply` refuses it.

The parts of each sealed period are worked out under the catalog as it is and as it would be. What differs (a
price, plan or meter version that takes effect inside, a phase, a coupon or a tax that is another) names the
document behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tieout.close.coupons import coupons_of
from tieout.close.period_zone import profile_of
from tieout.close.segments import Segment, segments
from tieout.close.taxation import taxation_of
from tieout.contract.catalog import Catalog
from tieout.contract.document import Document, DocumentKind
from tieout.contract.problem import Problem
from tieout.contract.subscription import Commitment, Subscription
from tieout.flows.home import Home
from tieout.invoice.invoice import KIND_INTERIM
from tieout.invoice.off_cycle import parse_off_cycle
from tieout.kernel.errors import TieoutError
from tieout.kernel.ids import CustomerId, SubscriptionId
from tieout.kernel.instant import Instant, format_instant
from tieout.kernel.period import Period
from tieout.rate.terms import Terms

PRICING = frozenset(
    {
        *(DocumentKind.METER, DocumentKind.PRICE, DocumentKind.PLAN, DocumentKind.PROGRAM),
        *(DocumentKind.SUBSCRIPTION, DocumentKind.CUSTOMER, DocumentKind.SELLER),
        *(DocumentKind.COUPON, DocumentKind.TAX),
    }
)
"""Documents that decide which parts a period has and what they, and the invoice around them, come to."""

PartKey = tuple[Period, Terms, frozenset[str]]
"""A part, what was agreed, and the digests of its plan, price, meter and program version."""


@dataclass(frozen=True, slots=True)
class SealedHit:
    """A sealed period that a document would change."""

    customer: CustomerId
    period: Period
    numbers: str


def sealed_problems(home: Home, before: Catalog, after: Catalog, fresh: Sequence[Document]) -> list[Problem]:
    """A problem for each new document and each sealed period that it would change; `after` is `before` with
    the `fresh` documents. Every seal lies in the past, so documents of the future cost nothing here.
    """
    hits = sealed_hits(home, before, after, fresh)
    return [problem for document in fresh for problem in _problems(document, hits.get(document.digest, []))]


def sealed_hits(
    home: Home, before: Catalog, after: Catalog, fresh: Sequence[Document]
) -> dict[str, list[SealedHit]]:
    """The sealed periods that each new document would change, by its digest."""
    now = home.clock.now()
    begun = [document for document in fresh if document.kind in PRICING and document.effective_from < now]
    if not begun:
        return {}
    since = min(document.effective_from for document in begun)
    hits: dict[str, list[SealedHit]] = {}
    for key, period, number in (*_billed_periods(home, since), *_billed_so_far(home, before)):
        old, new = before.subscriptions.latest(key), after.subscriptions.latest(key)
        if old is None or new is None or period.end <= since:
            continue
        for digest in _changed_by(before, after, old, new, period):
            numbers = number or _number(home, old.customer, period)
            hits.setdefault(digest, []).append(SealedHit(old.customer, period, numbers))
    return hits


def _billed_periods(home: Home, since: Instant) -> Iterator[tuple[SubscriptionId, Period, str]]:
    for key, periods in home.books.invoices.billed(ending_after=since).items():
        yield from ((key, period, "") for period in periods)


def _billed_so_far(home: Home, catalog: Catalog) -> Iterator[tuple[SubscriptionId, Period, str]]:
    """What interim invoices billed of periods that run: up to the instant as of which they did. What takes
    effect after it is still open, since the final rates the whole period."""
    customers = [CustomerId(key) for key in catalog.customers.keys]
    interims = home.books.interims.of(customers)
    for interim in (each for known in interims.values() for each in known if each.stands):
        reason = parse_off_cycle(interim.invoice.document)
        start = interim.invoice.period.start
        if reason is not None and start < reason.as_of:
            for key in sorted({line.scope.subscription for line in interim.lines}):
                yield key, Period(start, reason.as_of), interim.invoice.number


def _changed_by(
    before: Catalog, after: Catalog, old: Subscription, new: Subscription, period: Period
) -> set[str]:
    """The digests of documents under which the period has other parts, coupons or taxes: those that are newly
    named, the profiles that name others, and the subscription where its own change makes the difference."""
    was, under_old, would_be = (
        _billed(*pair, period) for pair in ((before, old), (after, old), (after, new))
    )
    changed = {digest for part in under_old.parts - was.parts for digest in part[2]} | under_old.beside
    changed -= {digest for part in was.parts for digest in part[2]} | was.beside
    if under_old.beside != was.beside:
        changed |= under_old.profiles - was.profiles
    if new.digest != old.digest and would_be.agreed != under_old.agreed:
        changed.add(new.digest)
    return changed


@dataclass(frozen=True, slots=True)
class _Billed:
    """What decides a subscription's amounts in a period: `beside` the parts, the coupons and taxes of the
    invoice, with the order of the taxes and how each coupon is attached; `profiles` are those of customer and
    seller, which name them; `commitments` those whose term reaches into it, which count its usage."""

    parts: frozenset[PartKey] = frozenset()
    beside: frozenset[str] = frozenset()
    profiles: frozenset[str] = frozenset()
    commitments: frozenset[Commitment] = frozenset()

    @property
    def agreed(self) -> tuple[object, ...]:
        """What a subscription's own version decides."""
        return self.parts, self.beside, self.commitments


def _billed(catalog: Catalog, subscription: Subscription, period: Period) -> _Billed:
    """Nothing where something has no version in force."""
    last = period.last_instant
    customer = profile_of(catalog, subscription.customer, period)
    seller = None if customer is None else catalog.sellers.at(customer.seller, last)
    if customer is None or seller is None:
        return _Billed()
    try:
        found = segments(catalog, subscription, period)
        taxation = taxation_of(catalog, customer, seller, period)
        # how the policy counts periods is the same before and after
        granted = coupons_of(catalog, customer, [subscription], period, defaults=())
    except TieoutError:
        return _Billed()
    in_order = "/".join(tax.digest for tax in taxation.taxes)
    attached = (f"{each.coupon.digest}/{each.subscription}/{each.since}" for each in granted)
    said = [in_order, *attached, *([] if taxation.set_aside is None else [taxation.set_aside])]
    return _Billed(
        frozenset((segment.part, segment.terms, _digests(segment)) for segment in found),
        frozenset(
            (*(tax.digest for tax in taxation.taxes), *said, *(each.coupon.digest for each in granted))
        ),
        frozenset((customer.digest, seller.digest)),
        frozenset(
            each for each in subscription.commitments if each.start < period.end and each.end > period.start
        ),
    )


def _digests(segment: Segment) -> frozenset[str]:
    documents = (segment.plan, segment.price, segment.meter, segment.program)
    return frozenset(document.digest for document in documents if document is not None)


def _problems(document: Document, hits: Sequence[SealedHit]) -> list[Problem]:
    if not hits:
        return []
    free = format_instant(max(hit.period.end for hit in hits))
    instead = (
        ", or, where the price was wrong, say which version it supersedes and run `tieout correction preview`"
        if document.kind is DocumentKind.PRICE
        else ""
    )
    field = "phase" if document.kind is DocumentKind.SUBSCRIPTION else "effective_from"
    return [
        document.problem(
            field,
            f"would change what invoice {hit.numbers} of {hit.customer} billed from "
            f"{format_instant(hit.period.start)} until {format_instant(hit.period.end)}; a sealed period is "
            f"changed only by a correction: let it take effect at {free} or later{instead}",
        )
        for hit in sorted(dict.fromkeys(hits), key=lambda hit: (hit.customer, hit.period))
    ]


def _number(home: Home, customer: CustomerId, period: Period) -> str:
    numbers = [
        invoice.number
        for invoice in home.books.invoices.sealed(customer)
        if invoice.period == period and invoice.kind != KIND_INTERIM
    ]
    return ", ".join(numbers)
