"""What a run sealed, and what a recorded home had sealed: lines with all that they rest on, and totals.

Both are written and read as JSON, one object a line, so that a set can hold what was recorded.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from tieout.contract.problem import Problem
from tieout.kernel.canonical import JsonNumber, JsonValue, canonical_json
from tieout.kernel.rational import Exact, MalformedExact, exact, exact_text
from tieout.replay.face import What
from tieout.replay.stated import KEYS

RECORDED_LINES: Final = "recorded/lines.jsonl"


@dataclass(frozen=True, slots=True)
class FoundLine:
    """A line of a sealed paper that stands. `keys`: every column of identity that expectations of lines may
    have. `snapshot`: which usage it counts, None where it counts none, and `events` how many that are.
    `rests_on`: by layer (meter, plan, subscription, price), what it was made with: name, version and digest.
    """

    keys: Mapping[str, str]
    quantity: Exact
    amount: Exact
    snapshot: str | None
    events: int
    rests_on: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FoundTotal:
    """A sealed paper that stands: `values` are those that expectations of totals may have."""

    keys: Mapping[str, str]
    values: Mapping[str, Exact]


def line_json(line: FoundLine) -> dict[str, JsonValue]:
    return {
        "keys": dict(line.keys),
        "quantity": exact_text(line.quantity),
        "amount": exact_text(line.amount),
        "snapshot": line.snapshot,
        "events": JsonNumber(str(line.events)),
        "rests_on": dict(line.rests_on),
    }


def lines_text(lines: Iterable[FoundLine]) -> str:
    """What `parse_lines` reads back."""
    return "".join(canonical_json(line_json(line)) + "\n" for line in lines)


def parse_lines(text: str) -> tuple[tuple[FoundLine, ...], list[Problem]]:
    """Every line that reads, and every problem of the others."""
    found: list[FoundLine] = []
    problems: list[Problem] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line:
            continue
        try:
            found.append(_line(json.loads(line)))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, MalformedExact) as error:
            message = f"is no recorded line: {error!r}; record the set again"
            problems.append(Problem(RECORDED_LINES, "", "", message, number))
    return tuple(found), problems


def _line(read: dict[str, object]) -> FoundLine:
    keys, rests_on = _texts(read["keys"]), _texts(read["rests_on"])
    if set(keys) != set(KEYS[What.LINES]):
        raise ValueError("other columns than expectations of lines have")
    quantity, amount, snapshot, events = (read[name] for name in ("quantity", "amount", "snapshot", "events"))
    if not isinstance(quantity, str) or not isinstance(amount, str) or type(events) is not int:
        raise TypeError("quantity and amount are texts, events is a whole number")
    if not isinstance(snapshot, str | None):
        raise TypeError("snapshot is a text or null")
    return FoundLine(keys, _exact(quantity), _exact(amount), snapshot, events, rests_on)


def _exact(text: str) -> Exact:
    whole, slash, part = text.partition("/")
    return exact(whole) / exact(part) if slash else exact(text)


def _texts(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise TypeError("is no object of texts")
    return value
