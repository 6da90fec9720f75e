"""What a redraft changed of the draft that was shown before: line by line, quantity and amount, and why.

It compares the two documents. A third one, drafted now at the earlier cutoff, tells apart what events changed
and what the catalog, balances and people did; without it, whatever changes with the cutoff counts as events'.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from tieout.kernel.canonical import JsonNumber, JsonValue, canonical_json
from tieout.rate.manual_line import is_manual

Members = dict[str, Any]  # an object of a document of our own, just made or digested

NO_LONGER = "is no longer asked for"
IS_NEW = "was not asked for before"


@dataclass(frozen=True, slots=True)
class LineChange:
    """A line before and after; quantity and amount are None where there was none, or is none any more."""

    subscription: str
    price: str
    description: str
    unit: str
    quantity_before: str | None
    quantity_after: str | None
    amount_before: str | None
    amount_after: str | None
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AmountChange:
    """An amount or a fact of the whole invoice before and after."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class DraftDifference:
    """From which revision. `by_events`: whether events that came, or were retracted, between the cutoffs
    changed what was shown."""

    revision_before: int
    cutoff_before: int
    cutoff_after: int
    lines: tuple[LineChange, ...]
    amounts: tuple[AmountChange, ...]
    by_events: bool

    @property
    def is_nothing(self) -> bool:
        return not self.lines and not self.amounts


def draft_difference(
    revision_before: int, before: bytes, after: bytes, between: bytes | None
) -> DraftDifference:
    """`between` is drafted now at the cutoff of `before`; None where that could not be drafted."""
    old, new = json.loads(before), json.loads(after)
    same_cutoff = old["cutoff"] == new["cutoff"]
    middle = new if same_cutoff else None if between is None else json.loads(between)
    olds, news = _by_scope(old), _by_scope(new)
    middles = None if middle is None else _by_scope(middle)
    rows: list[LineChange] = []
    by_events = False
    for scope in dict.fromkeys((*olds, *news)):
        one, other = olds.get(scope), news.get(scope)
        if middles is None:
            events, rest = tuple(_by_event(one, other)), tuple(_otherwise(one, other, events_too=False))
        else:
            events = () if same_cutoff else tuple(_by_event(middles.get(scope), other))
            rest = tuple(_otherwise(one, middles.get(scope), events_too=True))
        if not events and not rest and _shown(one) == _shown(other):
            continue
        by_events = by_events or bool(events)
        rows.append(_row(one, other, (*events, *rest)))
    return DraftDifference(
        revision_before,
        int(old["cutoff"]),
        int(new["cutoff"]),
        tuple(rows),
        tuple(_amounts(old, new)),
        by_events,
    )


def difference_text(difference: DraftDifference) -> str:
    """As it is stored, and digested for an approval."""
    return canonical_json(difference_json(difference))


def difference_digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def difference_json(difference: DraftDifference) -> dict[str, JsonValue]:
    return {
        "revision_before": JsonNumber(str(difference.revision_before)),
        "cutoff_before": JsonNumber(str(difference.cutoff_before)),
        "cutoff_after": JsonNumber(str(difference.cutoff_after)),
        "by_events": difference.by_events,
        "lines": [
            {
                "subscription": each.subscription,
                "price": each.price,
                "description": each.description,
                "unit": each.unit,
                "quantity_before": each.quantity_before,
                "quantity_after": each.quantity_after,
                "amount_before": each.amount_before,
                "amount_after": each.amount_after,
                "why": list(each.why),
            }
            for each in difference.lines
        ],
        "amounts": [
            {"name": each.name, "before": each.before, "after": each.after} for each in difference.amounts
        ],
    }


def parse_difference(text: str) -> DraftDifference:
    """Back from the stored text. Raises `ValueError`, `KeyError` or `TypeError` where it is not ours."""
    said = json.loads(text)
    return DraftDifference(
        said["revision_before"],
        said["cutoff_before"],
        said["cutoff_after"],
        tuple(LineChange(**{**each, "why": tuple(each["why"])}) for each in said["lines"]),
        tuple(AmountChange(**each) for each in said["amounts"]),
        said["by_events"],
    )


def _by_scope(document: Members) -> dict[tuple[str, ...], Members]:
    """Lines by what they are for, whichever version of a price rates it."""
    found: dict[tuple[str, ...], Members] = {}
    seen: Counter[tuple[str, ...]] = Counter()
    for line in document["lines"]:
        group, correction = (
            json.dumps(line.get("group")),
            json.dumps(line.get("correction", {}).get("period")),
        )
        scope = (line["subscription"], line["price"], line["segment"]["start"], group, correction)
        seen[scope] += 1
        found[(*scope, str(seen[scope]))] = line
    return found


def _by_event(before: Members | None, after: Members | None) -> Iterator[str]:
    """What events that came between the two cutoffs did to the line."""
    one, other = _snapshot(before), _snapshot(after)
    if one is None and other is None:
        return
    if _usage(one) == _usage(other):
        return
    came = _count(other, "event_count", "retracted_count")
    came -= _count(one, "event_count", "retracted_count")
    gone = _count(other, "retracted_count") - _count(one, "retracted_count")
    if came:
        yield f"{came} new event{'' if came == 1 else 's'}"
    if gone:
        yield f"{gone} event{'' if gone == 1 else 's'} retracted"
    if not came and not gone:
        yield "other events"


def _otherwise(before: Members | None, after: Members | None, *, events_too: bool) -> Iterator[str]:
    """What changed though the log was asked as of the same cutoff; `events_too` if it was."""
    if before is None or after is None:
        there = after if before is None else before
        if there is not None and is_manual(there["price"]):
            yield "manual line added" if before is None else "manual line removed"
        elif there is not None and events_too:
            yield IS_NEW if before is None else NO_LONGER
        return
    for name in ("price", "plan"):
        if before[f"{name}_version"] != after[f"{name}_version"]:
            yield f"{name} version {before[f'{name}_version']} became {after[f'{name}_version']}"
    one, other = _snapshot(before), _snapshot(after)
    if one is not None and other is not None and one["meter_digest"] != other["meter_digest"]:
        yield f"meter version {one['meter_version']} became {other['meter_version']}"
    elif events_too and _usage(one) != _usage(other):
        yield "the catalog gives it other events"
    for name, words in (("terms", "its terms"), ("earlier", "what earlier papers settled")):
        if before.get(name) != after.get(name):
            yield f"{words} changed"
    if before["segment"] != after["segment"]:
        yield "its time changed"


def _row(before: Members | None, after: Members | None, why: tuple[str, ...]) -> LineChange:
    line = after if after is not None else before
    assert line is not None, "a change is of a line"
    return LineChange(
        subscription=line["subscription"],
        price=line["price"],
        description=line["description"],
        unit=line["unit"],
        quantity_before=None if before is None else before["quantity"],
        quantity_after=None if after is None else after["quantity"],
        amount_before=None if before is None else before["amount"],
        amount_after=None if after is None else after["amount"],
        why=why or ("rated otherwise",),
    )


def _shown(line: Members | None) -> tuple[str, ...] | None:
    return None if line is None else (line["description"], line["quantity"], line["amount"])


def _snapshot(line: Members | None) -> Members | None:
    return None if line is None else line["snapshot"]


def _usage(snapshot: Members | None) -> Members | None:
    """What it counts: without the watermark, which moves with every cutoff, and without what it excluded."""
    return None if snapshot is None else {**snapshot, "watermark": None, "excluded_count": None}


def _count(snapshot: Members | None, *names: str) -> int:
    return 0 if snapshot is None else sum(int(snapshot[name]) for name in names)


def _amounts(before: Members, after: Members) -> Iterator[AmountChange]:
    one, other = _facts(before), _facts(after)
    for name in dict.fromkeys((*one, *other)):
        if one.get(name) != other.get(name):
            yield AmountChange(name, one.get(name), other.get(name))


def _facts(document: Members) -> dict[str, str]:
    facts = {
        "subtotal": document["subtotal"],
        **{_discount_name(each): each["amount"] for each in document["discounts"]},
        **{f"tax {each['name']} on {_listed(each['lines'])}": each["amount"] for each in document["taxes"]},
        "total": document["total"],
        **{f"credit {each['account']}": each["amount"] for each in document["credits"]},
        "due": document["due"],
    }
    for name in ("customer", "seller"):
        facts[f"{name} version"] = f"{document[name]['version']} {document[name]['digest']}"
    facts["policy"] = f"{document['policy']['version']} {document['policy']['digest']}"
    for name in ("software_version", "tzdata_version"):
        facts[name.replace("_", " ")] = document[name]
    return facts


def _discount_name(discount: Members) -> str:
    corrects = discount.get("corrects")
    said = "" if corrects is None else f" of the period from {corrects['start']}"
    return f"discount {discount['coupon']}{said}"


def _listed(lines: list[str]) -> str:
    return f"{len(lines)} line{'' if len(lines) == 1 else 's'}"
