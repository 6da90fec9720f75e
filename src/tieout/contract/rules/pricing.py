"""Prices refer to meters and plans to prices that are in force when they are; one plan has one currency."""

from __future__ import annotations

from collections.abc import Iterator

from tieout.contract.document import DocumentKind
from tieout.contract.problem import Problem
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
        for place, key in enumerate(plan.prices):
            name = f"prices[{place}]"
            unknown = draft.missing(DocumentKind.PRICE, key, since=plan.effective_from)
            if unknown is not None:
                yield draft.problem(DocumentKind.PLAN, plan, name, unknown)
            for price in draft.catalog.prices.during(key, plan.effective_from, None):
                if price.currency != plan.currency:
                    message = (
                        f"price {key} v{price.version} is in {price.currency}, the plan in {plan.currency}"
                    )
                    yield draft.problem(DocumentKind.PLAN, plan, name, message)
