"""The first cause of a difference: the first layer, in the order of the path, that is not as it was.

What was recorded is the best witness; where a set holds none, what is stated and what a candidate changed
tell as much as they can, and no more is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from tieout.kernel.rational import Exact, exact_text
from tieout.replay.found import FoundLine


class CauseKind(StrEnum):
    """In the order of the path."""

    CALL = "call"
    EVENTS = "events"
    METER = "meter"
    USAGE = "usage"
    ACCOUNT = "account"
    SUBSCRIPTION = "subscription"
    PLAN = "plan"
    PRICE = "price"
    RATING = "rating"
    LINES = "lines"
    DISCOUNT = "discount"
    TAX = "tax"
    CREDIT = "credit"
    EXPECTATION = "expectation"
    UNKNOWN = "unknown"


LAYERS: Final = (
    (CauseKind.METER, "meter"),
    (CauseKind.SUBSCRIPTION, "subscription"),
    (CauseKind.PLAN, "plan"),
    (CauseKind.PRICE, "program"),
    (CauseKind.PRICE, "price"),
)
"""Documents by which a line was made, in the order in which they count."""


@dataclass(frozen=True, slots=True)
class Cause:
    """The layer, and what about it, for a person."""

    kind: CauseKind
    text: str


@dataclass(frozen=True, slots=True)
class Known:
    """What is known beside the lines themselves.

    `recorded`: the lines that the recorded home had sealed; None where the set holds none. `changed`: names
    with version (`price calls v1`) of what a candidate changed or added. `waiting`: by customer and start of
    period, why it is not sealed. `misjudged`: what ingests counted otherwise than when they were recorded.
    `refused`: calls that were refused.
    """

    recorded: Sequence[FoundLine] | None = None
    changed: frozenset[str] = frozenset()
    waiting: Mapping[tuple[str, str], str] = field(default_factory=dict)
    misjudged: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


def cause_of(
    key: Mapping[str, str],
    found: Sequence[FoundLine],
    recorded: Sequence[FoundLine] | None,
    stated: Mapping[str, Exact],
    known: Known,
) -> Cause:
    """Of the lines under one key. `recorded`: those of `known` under the same key; None where there are none
    to compare with."""
    if not found:
        return _absent(key, recorded, known)
    if recorded is None:
        return _untold(found, stated, known)
    if not recorded:
        changed = _changed(found, known)
        return changed or Cause(CauseKind.EXPECTATION, "neither recorded nor expected, and billed now")
    return _against(found, recorded, known)


def _absent(key: Mapping[str, str], recorded: Sequence[FoundLine] | None, known: Known) -> Cause:
    why = known.waiting.get((key.get("customer", ""), key.get("period_start", "")))
    if why is not None:
        return Cause(CauseKind.ACCOUNT, why)
    if known.refused:
        return Cause(CauseKind.CALL, known.refused[0])
    if recorded is not None and not recorded:
        return Cause(CauseKind.EXPECTATION, "the recorded home billed no such line either")
    changed = _changed(recorded or (), known)
    if changed is not None:
        return changed
    if known.misjudged:
        return Cause(CauseKind.EVENTS, known.misjudged[0])
    touched = f"; the candidate changed {', '.join(sorted(known.changed))}" if known.changed else ""
    return Cause(CauseKind.ACCOUNT, f"no sealed paper has such a line{touched}")


def _against(found: Sequence[FoundLine], recorded: Sequence[FoundLine], known: Known) -> Cause:
    """Layer by layer, against what was recorded."""
    now, then = counted(found), counted(recorded)
    if now != then and known.misjudged:
        return Cause(CauseKind.EVENTS, f"{now} events are counted, {then} were; {known.misjudged[0]}")
    meter = _layer("meter", found, recorded)
    if meter is not None:
        return Cause(CauseKind.METER, meter)
    if now != then:
        return Cause(CauseKind.USAGE, f"{now} events are counted, {then} were, of the same log")
    for kind, name in LAYERS[1:]:
        said = _layer(name, found, recorded)
        if said is not None:
            return Cause(kind, said)
    quantities = [sum((line.quantity for line in each), start=Exact(0)) for each in (found, recorded)]
    if quantities[0] != quantities[1]:
        texts = [exact_text(each) for each in quantities]
        return Cause(CauseKind.USAGE, f"quantity {texts[0]}, and {texts[1]} when recorded, of as many events")
    amounts = [sum((line.amount for line in each), start=Exact(0)) for each in (found, recorded)]
    if amounts[0] != amounts[1]:
        texts = [exact_text(each) for each in amounts]
        why = f"amount {texts[0]}, and {texts[1]} when recorded, by the same documents: the rating changed"
        return Cause(CauseKind.RATING, why)
    return Cause(CauseKind.EXPECTATION, "the recorded home billed what is found; it is expected otherwise")


def _untold(found: Sequence[FoundLine], stated: Mapping[str, Exact], known: Known) -> Cause:
    """Without a recorded line: from what is stated, and from what the candidate changed."""
    now = counted(found)
    events = stated.get("events")
    by_meter = _changed(found, known, only="meter")
    if events is not None and events != now:
        return by_meter or Cause(CauseKind.EVENTS, f"{now} events are counted, {exact_text(events)} expected")
    quantity = sum((line.quantity for line in found), start=Exact(0))
    expected = stated.get("quantity")
    if expected is not None and expected != quantity:
        why = f"quantity {exact_text(quantity)} of {now} events, {exact_text(expected)} expected"
        return by_meter or Cause(CauseKind.USAGE, why)
    changed = _changed(found, known)
    if changed is not None:
        return changed
    rests_on = ", ".join(sorted({line.rests_on["price"] for line in found if "price" in line.rests_on}))
    if not stated:
        return Cause(CauseKind.EXPECTATION, f"billed by {rests_on}, and nobody expects it")
    if expected is None:
        return Cause(CauseKind.UNKNOWN, f"billed by {rests_on}; no quantity is stated that would tell more")
    return Cause(CauseKind.PRICE, f"the same quantity at {rests_on}: another price, or rating, is expected")


def counted(lines: Sequence[FoundLine]) -> int:
    """Events that the lines count; of several lines for one snapshot, once."""
    return sum({line.snapshot: line.events for line in lines if line.snapshot is not None}.values())


def _layer(name: str, found: Sequence[FoundLine], recorded: Sequence[FoundLine]) -> str | None:
    now = {line.rests_on[name] for line in found if name in line.rests_on}
    then = {line.rests_on[name] for line in recorded if name in line.rests_on}
    if now == then:
        return None
    return f"{_listed(now - then)} in place of {_listed(then - now)}"


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _changed(lines: Sequence[FoundLine], known: Known, *, only: str | None = None) -> Cause | None:
    """The first layer of the lines that the candidate changed."""
    for kind, name in LAYERS:
        if only is not None and name != only:
            continue
        named = {line.rests_on[name].rsplit(" ", 1)[0] for line in lines if name in line.rests_on}
        touched = sorted(named & known.changed)
        if touched:
            return Cause(kind, f"{', '.join(touched)} is the candidate's")
    return None
