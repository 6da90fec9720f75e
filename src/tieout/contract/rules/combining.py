"""Members of one price that mean nothing together are refused: whoever reads the line would have to guess."""

from __future__ import annotations

from collections.abc import Iterator

from tieout.contract.document import DocumentKind
from tieout.contract.price import Dynamic, Flat, Matrix, Percentage, Price
from tieout.contract.problem import Problem
from tieout.contract.rules.draft import Draft


def check_combinations(draft: Draft) -> Iterator[Problem]:
    """Modifiers against shape, per-event rating and grouping, of every price version."""
    for price in draft.catalog.prices:
        for name, message in (*_flat(price), *_allowance(price), *_grouped(price)):
            yield draft.problem(DocumentKind.PRICE, price, name, message)


def _flat(price: Price) -> Iterator[tuple[str, str]]:
    if isinstance(price.shape, Flat):
        for name, amount in (("minimum", price.modifiers.minimum), ("maximum", price.modifiers.maximum)):
            if amount is not None:
                yield name, "means nothing for a flat price, which is the same whatever is used"


def _allowance(price: Price) -> Iterator[tuple[str, str]]:
    if price.modifiers.allowance is None:
        return
    shape, why = price.shape, None
    if isinstance(shape, Flat):
        why = "a flat price has no units"
    elif isinstance(shape, Dynamic):
        why = "events carry the price, whatever their number"
    elif isinstance(shape, Matrix):
        why = "it does not say in which cell the free units are"
    elif price.per_event or (isinstance(shape, Percentage) and shape.bounds_events):
        why = "each event is rated alone, and it does not say which of them are free"
    elif isinstance(shape, Percentage) and shape.fixed != 0:
        why = "it does not say which events are free of the fixed part"
    if why is not None:
        yield "allowance", f"means nothing here: {why}"


def _grouped(price: Price) -> Iterator[tuple[str, str]]:
    """Each value has a line of its own, and nothing says how lines share what is for all of them."""
    if not price.group_by:
        return
    modifiers = price.modifiers
    whole = {"allowance": modifiers.allowance, "minimum": modifiers.minimum, "maximum": modifiers.maximum}
    names = [name for name, value in whole.items() if value is not None]
    amounts = (place for place, each in enumerate(modifiers.discounts) if each.amount is not None)
    for name in (*names, *(f"discount[{place}].amount" for place in amounts)):
        yield name, "means nothing beside group_by: it does not say how the lines of the groups share it"
