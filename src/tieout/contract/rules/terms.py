"""What a phase agrees beside its plan must fit that plan: quantities of flat prices, negotiated prices on the
same meter and in the same currency, and prices of the past that end in a named successor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tieout.contract.document import DocumentKind
from tieout.contract.plan import Plan
from tieout.contract.price import Flat, Price
from tieout.contract.rules.draft import Draft
from tieout.contract.subscription import Phase
from tieout.kernel.ids import PriceKey
from tieout.kernel.instant import format_instant

Found = Iterator[tuple[str, str]]
"""(dotted field name, message)."""


def terms_misfits(
    draft: Draft, phase: Phase, following: Sequence[Phase], name: str, plans: Sequence[Plan]
) -> Found:
    """What does not fit in one phase, given its plan's versions and the phases after it."""
    if plans:
        yield from _quantity_misfits(draft, phase, name, plans)
        yield from _negotiated_misfits(draft, phase, name, plans)
    yield from _grandfathered_misfits(draft, phase, following, name, plans)


def _quantity_misfits(draft: Draft, phase: Phase, name: str, plans: Sequence[Plan]) -> Found:
    for key, _ in phase.quantities:
        field = f"{name}.quantities.{key}"
        if not any(key in plan.prices for plan in plans):
            yield field, f"plan {phase.plan!r} has no price {key!r}"
            continue
        for price in _versions(draft, phase, phase.price(key)):
            if not isinstance(price.shape, Flat):
                yield field, f"price {price.key} v{price.version} is metered: usage says its quantity"


def _negotiated_misfits(draft: Draft, phase: Phase, name: str, plans: Sequence[Plan]) -> Found:
    since = phase.start if phase.grandfathered is None else phase.grandfathered.prices_as_of
    targets = [target for _, target in phase.prices]
    for listed, target in phase.prices:
        field = f"{name}.prices.{listed}"
        if not any(listed in plan.prices for plan in plans):
            yield field, f"plan {phase.plan!r} has no price {listed!r}"
            continue
        unknown = draft.missing(DocumentKind.PRICE, target, since=since)
        if unknown is not None:
            yield field, unknown
            continue
        if targets.count(target) > 1 or any(target in plan.prices for plan in plans):
            yield (
                field,
                f"price {target!r} would be billed twice: it stands for another price of the plan too",
            )
        yield from ((field, message) for message in _unlike(draft, phase, listed, target))


def _unlike(draft: Draft, phase: Phase, listed: PriceKey, target: PriceKey) -> Iterator[str]:
    """A negotiated price is another amount for the same thing."""
    for ours in _versions(draft, phase, target):
        for theirs in _versions(draft, phase, listed):
            names = f"price {target} v{ours.version}", f"price {listed} v{theirs.version}"
            if ours.currency != theirs.currency:
                yield f"{names[0]} is in {ours.currency}, {names[1]} in {theirs.currency}"
            if ours.meter != theirs.meter:
                on = [meter or "no meter" for meter in (ours.meter, theirs.meter)]
                yield f"{names[0]} is for {on[0]}, {names[1]} for {on[1]}"


def _versions(draft: Draft, phase: Phase, key: PriceKey) -> tuple[Price, ...]:
    """Every version of a price that the phase can come to use."""
    prices = draft.catalog.prices
    if phase.grandfathered is None:
        return prices.during(key, phase.start, phase.end)
    price = prices.at(key, phase.grandfathered.prices_as_of)
    return () if price is None else (price,)


def _grandfathered_misfits(
    draft: Draft, phase: Phase, following: Sequence[Phase], name: str, plans: Sequence[Plan]
) -> Found:
    kept = phase.grandfathered
    if kept is None:
        return
    instant = format_instant(kept.prices_as_of)
    if not plans and phase.plan_version is None and (DocumentKind.PLAN, phase.plan) in draft.documents:
        yield f"{name}.prices_as_of", f"plan {phase.plan!r} was not in force at {instant}"
    for plan in plans:
        for key in plan.prices:
            unknown = draft.missing(DocumentKind.PRICE, phase.price(key), since=kept.prices_as_of)
            if unknown is not None and phase.price(key) == key:
                yield f"{name}.prices_as_of", unknown
        for program in plan.programs:
            unknown = draft.missing(DocumentKind.PROGRAM, program, since=kept.prices_as_of)
            if unknown is not None:
                yield f"{name}.prices_as_of", unknown
    if phase.end is None:
        return
    end = format_instant(phase.end)
    after = following[0] if following else None
    if after is None or after.start != phase.end:
        yield f"{name}.successor", f"no phase follows at {end}; write the phase of plan {kept.successor!r}"
    elif after.plan != kept.successor:
        yield f"{name}.successor", f"names {kept.successor!r}, but the phase from {end} is on {after.plan!r}"
