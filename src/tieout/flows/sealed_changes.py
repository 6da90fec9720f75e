"""What a catalog would change about periods that are sealed: that is a correction, so `apply` refuses it.

The parts of each sealed period are worked out under the catalog as it is and as it would be. What differs (a
price, plan or meter version that takes effect inside, a phase that is another) names the document behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tieout.close.segments import segments
from tieout.contract.catalog import Catalog
from tieout.contract.document import Document, DocumentKind
from tieout.contract.problem import Problem
from tieout.contract.subscription import Subscription
from tieout.flows.home import Home
from tieout.kernel.errors import TieoutError
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import format_instant
from tieout.kernel.period import Period
from tieout.rate.terms import Terms

PRICING = frozenset(
    {
        DocumentKind.METER,
        DocumentKind.PRICE,
        DocumentKind.PLAN,
        DocumentKind.PROGRAM,
        DocumentKind.SUBSCRIPTION,
    }
)
"""Documents that decide which parts a period has and what they cost."""

PartKey = tuple[Period, Terms, frozenset[str]]
"""A part, what was agreed, and the digests of its plan, price, meter and program version."""


@dataclass(frozen=True, slots=True)
class _Hit:
    """A sealed period that a document would change."""

    customer: CustomerId
    period: Period


def sealed_problems(home: Home, before: Catalog, after: Catalog, fresh: Sequence[Document]) -> list[Problem]:
    """A problem for each new document and each sealed period that it would change; `after` is `before` with
    the `fresh` documents. Every seal lies in the past, so documents of the future cost nothing here.
    """
    now = home.clock.now()
    begun = [document for document in fresh if document.kind in PRICING and document.effective_from < now]
    if not begun:
        return []
    since = min(document.effective_from for document in begun)
    hits: dict[str, list[_Hit]] = {}
    for key, periods in home.books.invoices.billed().items():
        old, new = before.subscriptions.latest(key), after.subscriptions.latest(key)
        if old is None or new is None:
            continue
        for period in periods:
            if period.end > since:
                for digest in _changed_by(before, after, old, new, period):
                    hits.setdefault(digest, []).append(_Hit(old.customer, period))
    return [
        problem for document in fresh for problem in _problems(home, document, hits.get(document.digest, []))
    ]


def _changed_by(
    before: Catalog, after: Catalog, old: Subscription, new: Subscription, period: Period
) -> set[str]:
    """The digests of documents under which the period has other parts: those that the parts newly name, and
    the subscription's where its own change makes the difference."""
    was, under_old = _parts(before, old, period), _parts(after, old, period)
    changed = {digest for _, _, named in under_old - was for digest in named}
    changed -= {digest for _, _, named in was for digest in named}
    if new.digest != old.digest and _parts(after, new, period) != under_old:
        changed.add(new.digest)
    return changed


def _parts(catalog: Catalog, subscription: Subscription, period: Period) -> set[PartKey]:
    """No parts where something has no version in force."""
    try:
        found = segments(catalog, subscription, period)
    except TieoutError:
        return set()
    return {
        (
            segment.part,
            segment.terms,
            frozenset(
                (
                    segment.plan.digest,
                    segment.price.digest,
                    segment.meter.digest if segment.meter else "",
                    segment.program.digest if segment.program else "",
                )
            ),
        )
        for segment in found
    }


def _problems(home: Home, document: Document, hits: Sequence[_Hit]) -> list[Problem]:
    if not hits:
        return []
    free = format_instant(max(hit.period.end for hit in hits))
    field = "phase" if document.kind is DocumentKind.SUBSCRIPTION else "effective_from"
    return [
        document.problem(
            field,
            f"would change what invoice {_number(home, hit)} of {hit.customer} billed from "
            f"{format_instant(hit.period.start)} until {format_instant(hit.period.end)}; a sealed period is "
            f"changed only by a correction: let it take effect at {free} or later",
        )
        for hit in sorted(dict.fromkeys(hits), key=lambda hit: (hit.customer, hit.period))
    ]


def _number(home: Home, hit: _Hit) -> str:
    numbers = [
        invoice.number for invoice in home.books.invoices.sealed(hit.customer) if invoice.period == hit.period
    ]
    return ", ".join(numbers)
