"""Taxes that customers and sellers name are there, and each list of them has one meaning.

A list is inclusive or exclusive as a whole. Where a tax is inclusive or compound, its amount follows from
other taxes on the same lines; so it and each other tax are for the same categories, or share none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from itertools import combinations

from tieout.contract.document import DocumentKind
from tieout.contract.party import Customer, Seller
from tieout.contract.problem import Problem
from tieout.contract.rules.draft import Draft
from tieout.contract.tax import STANDARD_CATEGORY, Tax
from tieout.kernel.ids import TaxKey
from tieout.kernel.instant import Instant


def check_taxes(draft: Draft) -> Iterator[Problem]:
    """The lists of all customers and sellers, and the categories of all prices."""
    for customer in draft.catalog.customers:
        until = draft.catalog.customers.until(customer)
        for name, message in _list_misfits(draft, customer, customer.taxes or (), until):
            yield draft.problem(DocumentKind.CUSTOMER, customer, name, message)
    for seller in draft.catalog.sellers:
        for name, message in _list_misfits(draft, seller, seller.taxes, draft.catalog.sellers.until(seller)):
            yield draft.problem(DocumentKind.SELLER, seller, name, message)
    named = sorted({category for tax in draft.catalog.taxes for category in tax.categories})
    for price in draft.catalog.prices:
        if price.tax_category not in (STANDARD_CATEGORY, *named):
            meant = get_close_matches(price.tax_category, named, n=1)
            hint = f"; did you mean {meant[0]!r}?" if meant else ""
            message = f"no tax names the category {price.tax_category!r}{hint}"
            yield draft.problem(DocumentKind.PRICE, price, "tax_category", message)


def _list_misfits(
    draft: Draft, record: Customer | Seller, keys: Sequence[TaxKey], until: Instant | None
) -> Iterator[tuple[str, str]]:
    found: list[tuple[int, Tax]] = []
    for place, key in enumerate(keys):
        unknown = draft.missing(DocumentKind.TAX, key, since=record.effective_from)
        if unknown is not None:
            yield f"taxes[{place}]", unknown
        versions = draft.catalog.taxes.during(key, record.effective_from, until)
        found += [(place, tax) for tax in versions]
        for tax in versions:
            if tax.compound and place == 0:
                yield "taxes[0]", f"tax {key} v{tax.version} is compound, and no tax stands before it"
    told = set()
    for (before, one), (place, other) in combinations(found, 2):
        message = None if before == place else _conflict(one, other)
        if message is not None and (before, place) not in told:
            told.add((before, place))
            yield f"taxes[{place}]", message


def _conflict(one: Tax, other: Tax) -> str | None:
    if one.inclusive != other.inclusive:
        inside, outside = (one, other) if one.inclusive else (other, one)
        return f"{inside.key} is contained in the prices, {outside.key} added to them: a list is for either"
    same = set(one.categories) == set(other.categories)
    apart = one.categories and other.categories and not set(one.categories) & set(other.categories)
    if (one.inclusive or other.compound) and not same and not apart:
        why = "inclusive" if one.inclusive else "compound"
        return f"{other.key} is {why}: it and {one.key} must be for the same categories, or share none"
    return None
