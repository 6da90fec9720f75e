"""How a period splits for each price: wherever its version, its meter's, its plan's or its terms change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from tests.independent.documents import Catalog, Document, phase_span
from tests.independent.instants import Span, instant, overlap


@dataclass(frozen=True)
class Part:
    """One price over one stretch of `period`; `place` orders the lines: fee table, start, price."""

    span: Span
    period: Span
    plan: Document
    price: Document
    meter: Document | None
    program: Document | None
    quantity: str
    waived: bool
    terms: tuple[object, ...]
    place: tuple[int, ...]


def parts_of(catalog: Catalog, subscription: Document, rest: Span, whole: Span) -> list[Part]:
    """Those of the part `rest` of the calendar's period `whole`, in the order of their lines."""
    cuts = sorted({*rest, *_changes(catalog, subscription)})
    cuts = [cut for cut in cuts if rest[0] <= cut <= rest[1]]
    found: list[Part] = []
    for slice_ in pairwise(cuts):
        for part in _slice(catalog, subscription, slice_, whole):
            before = next((each for each in found if _goes_on(subscription, each, part)), None)
            if before is None:
                found.append(part)
            else:
                joined = replace(before, span=(before.span[0], part.span[1]))
                found[found.index(before)] = joined
    return sorted(found, key=lambda part: part.place)


def _changes(catalog: Catalog, subscription: Document) -> set[int]:
    """Every instant at which anything of the catalog changes. Most change nothing here; parts that are alike
    are joined again."""
    found = commitment_bounds(subscription)
    for phase in subscription["phase"]:
        found |= set(phase_span(phase))
    for kind in ("plan", "program", "price", "meter"):
        for key in catalog.keys(kind):
            found |= set(catalog.changes(kind, key))
            for document in catalog.versions(kind, key):
                found |= discount_ends(document)
    return found


def discount_ends(price: Document) -> set[int]:
    return {instant(each["until"]) for each in price.get("discount", []) if "until" in each}


def commitment_bounds(subscription: Document) -> set[int]:
    listed = subscription.get("commitment", [])
    return {instant(each[name]) for each in listed for name in ("from", "until")}


def _slice(catalog: Catalog, subscription: Document, span: Span, whole: Span) -> Iterator[Part]:
    """What holds in a stretch in which nothing changes."""
    for number, phase in enumerate(subscription["phase"]):
        if overlap(phase_span(phase), span) is None:
            continue
        start = span[0]
        kept = instant(phase["prices_as_of"]) if "prices_as_of" in phase else start
        if "plan_version" in phase:
            plan = catalog.kinds["plan"][phase["plan"]][phase["plan_version"]]
        else:
            plan = catalog.at("plan", phase["plan"], kept)
        stretch = sum(1 for bound in commitment_bounds(subscription) if bound <= start)
        tables: list[tuple[Document | None, list[str]]] = [(None, plan.get("prices", []))]
        for key in plan.get("programs", []):
            program = catalog.at("program", key, kept)
            tables.append((program, program["prices"]))
        for table, (owner, keys) in enumerate(tables):
            for place, listed in enumerate(keys):
                key = phase.get("prices", {}).get(listed, listed)
                price = catalog.at("price", key, kept)
                old = (
                    price is not catalog.at("price", key, start)
                    or plan is not catalog.at("plan", phase["plan"], start)
                    if "prices_as_of" in phase
                    else False
                )
                meter = catalog.at("meter", price["meter"], start) if "meter" in price else None
                quantity = str(phase.get("quantities", {}).get(listed, "1"))
                waived = bool(phase.get("trial") or phase.get("paused"))
                terms = (quantity, key != listed, phase.get("trial"), phase.get("paused"), old)
                order = (table, start, number, stretch, place)
                yield Part(span, whole, plan, price, meter, owner, quantity, waived, terms, order)


def _goes_on(subscription: Document, before: Part, after: Part) -> bool:
    if before.span[1] != after.span[0] or after.span[0] in discount_ends(after.price):
        return False
    if after.meter is not None and after.span[0] in commitment_bounds(subscription):
        return False
    table = before.plan is after.plan if before.program is None else before.program is after.program
    same = before.price is after.price and before.meter is after.meter and before.program is after.program
    return table and same and before.terms == after.terms
