"""Prices refer to meters and plans to prices that are in force when they are; one plan has one currency."""

from __future__ import annotations

from collections.abc import Iterator

from tieout.contract.document import DocumentKind
from tieout.contract.plan import Plan
from tieout.contract.problem import Problem
from tieout.contract.program import Program
from tieout.contract.rules.draft import Draft


def check_prices(draft: Draft) -> Iterator[Problem]:
    """A price before its meter would bill nothing and look as if there were nothing to bill."""
    for price in draft.catalog.prices:
        if price.meter is not None:
            unknown = draft.missing(DocumentKind.METER, price.meter, since=price.effective_from)
            if unknown is not None:
                yield draft.problem(DocumentKind.PRICE, price, "meter", unknown)


def check_plans(draft: Draft) -> Iterator[Problem]:
    """Every price version that a plan can come to use has the plan's currency."""
    for plan in draft.catalog.plans:
        for name, message in listed_misfits(draft, plan, what="plan"):
            yield draft.problem(DocumentKind.PLAN, plan, name, message)


def listed_misfits(draft: Draft, listing: Plan | Program, *, what: str) -> Iterator[tuple[str, str]]:
    """Prices that a plan or a program lists and that are not there, or in another currency."""
    for place, key in enumerate(listing.prices):
        name = f"prices[{place}]"
        unknown = draft.missing(DocumentKind.PRICE, key, since=listing.effective_from)
        if unknown is not None:
            yield name, unknown
        for price in draft.catalog.prices.during(key, listing.effective_from, None):
            if price.currency != listing.currency:
                which = f"price {key} v{price.version}"
                yield name, f"{which} is in {price.currency}, the {what} in {listing.currency}"
