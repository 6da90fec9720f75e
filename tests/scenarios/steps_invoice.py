"""What an [[invoice]] and its lines say.

`kind` is final, interim or note. Of a line, `earlier` is what other papers settled of it:
`[{ invoice = "S-1", quantity, amount }]` by number; `correction` is why a sealed period is billed again:
`{ original = "S-1: Data sent", causes, late_events, retracted_events, superseded }`, where `original` is the
number of the paper first sealed and the description of its line, left out where nothing was.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.scenarios.frame import ALWAYS_TOLD, ONLY_WHERE_TOLD, Member, Told


def _metered(name: str) -> Member:
    return Member(lambda line: None if line["meter"] is None else line[name])


def _program(line: Told) -> str | None:
    return line["program"]["key"] if "program" in line else None


def _versions(line: Told) -> str:
    """Which versions a line names, and since when its price is in force."""
    meter = "" if line["snapshot"] is None else f", meter {line['snapshot']['meter_version']}"
    since = line["price_effective_from"]
    return f"price {line['price_version']} from {since[:10]}, plan {line['plan_version']}{meter}"


def _earlier(line: Told) -> list[Told]:
    return [
        {"invoice": each["number"], "quantity": each["quantity"], "amount": each["amount"]}
        for each in line.get("earlier", ())
    ]


def _correction(line: Told) -> Told | None:
    """Zeros are left out. Only after `name_originals`."""
    if "correction" not in line:
        return None
    said = line["correction"]
    original = {"original": said["original"]} if "original" in said else {}
    counts = {name: said[name] for name in ("late_events", "retracted_events") if said[name]}
    superseded = said.get("superseded_price_version")
    return {
        **original,
        "causes": said["causes"],
        **counts,
        **({} if superseded is None else {"superseded": superseded}),
    }


def name_originals(documents: Sequence[Told]) -> None:
    """Each correction gets its `original` by the number and words that a person reads."""
    lines = {line["id"]: (document, line) for document in documents for line in document["lines"]}
    for _, line in lines.values():
        said = line.get("correction", {})
        if "original_line" in said:
            document, original = lines[said["original_line"]]
            said["original"] = f"{document['number']}: {original['description']}"


def _discounts(document: Told) -> list[Told]:
    """`unused` only where something is; `corrects`, the start of a sealed period, where it is that one's."""
    return [_discount(discount) for discount in document["discounts"]]


def _discount(printed: Told) -> Told:
    told = {name: printed[name] for name in ("coupon", "base", "amount")}
    used_up = not any(digit in printed["unused"] for digit in "123456789")
    shares = [share["amount"] for share in printed["shares"]]
    corrects = {"corrects": printed["corrects"]["start"]} if "corrects" in printed else {}
    return {**told, "shares": shares, **corrects, **({} if used_up else {"unused": printed["unused"]})}


def _taxes(document: Told) -> list[Told]:
    """`inclusive` only where it is, `note` only where there is one."""
    return [
        {
            **{name: tax[name] for name in ("name", "percent", "base", "amount")},
            **{name: tax[name] for name in ("inclusive", "note") if tax[name]},
        }
        for tax in document["taxes"]
    ]


def _printed(*path: str) -> Any:
    def read(document: Told) -> Any:
        found: Any = document
        for name in path:
            found = found[name]
        return found

    return read


LINE = {
    "description": Member(_printed("description"), ALWAYS_TOLD),
    "meter": _metered("meter"),
    "quantity": _metered("quantity"),
    "unit": _metered("unit"),
    "program": Member(_program),
    "times": Member(_printed("quantity"), ONLY_WHERE_TOLD),
    "rules": Member(lambda line: [step["rule"] for step in line["steps"]], ONLY_WHERE_TOLD),
    "versions": Member(_versions, ONLY_WHERE_TOLD),
    "amount": Member(_printed("amount"), ALWAYS_TOLD),
    "start": Member(_printed("segment", "start"), ALWAYS_TOLD),
    "end": Member(_printed("segment", "end"), ALWAYS_TOLD),
    "earlier": Member(_earlier, []),
    "correction": Member(_correction),
}
"""`times` is how often a fee is due, `rules` those of the working."""

INVOICE = {
    "customer": Member(_printed("customer", "id"), ALWAYS_TOLD),
    "currency": Member(_printed("currency"), ALWAYS_TOLD),
    "number": Member(_printed("number"), ONLY_WHERE_TOLD),
    "kind": Member(_printed("kind"), "final"),
    "paper": Member(lambda document: document.get("paper", "invoice"), ONLY_WHERE_TOLD),
    "replaces": Member(lambda document: document.get("replaces", []), ONLY_WHERE_TOLD),
    "sequence": Member(_printed("sequence"), 1),
    "start": Member(_printed("period", "start"), ALWAYS_TOLD),
    "end": Member(_printed("period", "end"), ALWAYS_TOLD),
    "due_date": Member(_printed("due_date"), ALWAYS_TOLD),
    "total": Member(_printed("total"), ALWAYS_TOLD),
    "discounts": Member(_discounts, []),
    "taxes": Member(_taxes, []),
    "credits": Member(_printed("credits"), []),
    "due": Member(_printed("due"), ALWAYS_TOLD),
}
