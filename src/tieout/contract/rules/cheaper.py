"""Where more usage costs less: allowed, and worth a warning, since customers find it before the seller does.

Only volume tiers can do it: where rates are not negative, no other shape costs less for more. Inside a tier
the cost rises, so it is enough to look at each bound: at it, and just above it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from tieout.contract.document import DocumentKind
from tieout.contract.price import Matrix, PriceShape, Volume
from tieout.contract.problem import Problem
from tieout.contract.rules.draft import Draft
from tieout.kernel.rational import exact_text


def warn_of_cheaper_usage(draft: Draft) -> Iterator[Problem]:
    """A warning for each bound of volume tiers above which the whole quantity costs less than at it."""
    for price in draft.catalog.prices:
        for member, shape in _volumes(price.shape):
            for place, (tier, following) in enumerate(pairwise(shape.tiers), start=1):
                assert tier.up_to is not None, "only the last tier is open"
                units = tier.up_to.as_fraction() / shape.per
                at_it = units * tier.unit_amount + tier.flat_amount
                above = units * following.unit_amount + following.flat_amount
                if above < at_it:
                    costs = f"{tier.up_to} cost {exact_text(at_it)} {price.currency}, "
                    more = f"the least bit more costs {exact_text(above)} {price.currency}"
                    message = f"more usage costs less: {costs}{more}; graduated tiers never do that"
                    yield draft.problem(DocumentKind.PRICE, price, f"{member}tiers[{place}]", message)


def _volumes(shape: PriceShape) -> Iterator[tuple[str, Volume]]:
    """(how its members are called, the shape)."""
    if isinstance(shape, Volume):
        yield "", shape
    if isinstance(shape, Matrix):
        for place, cell in enumerate(shape.cells):
            if isinstance(cell.shape, Volume):
                yield f"cell[{place}].", cell.shape
        if isinstance(shape.otherwise, Volume):
            yield "otherwise.", shape.otherwise
