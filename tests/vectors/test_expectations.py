"""No expectation is carried along unread: changed, it fails its vector. And none is rejected that holds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from tests.vectors.dispositions import SUITES, Suite
from tests.vectors.test_vectors import runners

Path = tuple[str | int, ...]

UNREAD = {
    ("decoded", "error"),  # that it is refused is read; the peer's words are not
    ("resent", "error"),
    ("timestamp", "error"),
    ("aggregated", "value"),  # the digits after the twelfth
    ("aggregated_further", "value"),
    ("batched", "stored"),  # the notes say what is stored instead
    ("later_line", "unit_amount"),  # the amount of each line is read
    ("later_line", "quantity"),
    ("later_line", "kind"),
    ("billed_in_lines", "unit_amount"),  # of a commitment, and of the one dynamic price
    ("billed_in_lines", "quantity"),
    *(("late", name) for name in ("service_period", "corrects_earlier_run", "kind")),  # our one difference
    *(("late", name) for name in ("unit_amount", "quantity", "total", "amount", "discounts")),
    ("billed_through", "next_cycle_date"),  # of what has ended
    ("usage_at_a_change", "lines"),
}
"""(runner, member) that a vector may state in vain, each for the reason in the vector's note."""


def leaves(value: object, path: Path = ()) -> Iterator[tuple[Path, object]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, (*path, name))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from leaves(inner, (*path, place))
    else:
        yield path, value


def changed(leaf: Any) -> Any:
    """The next value of the same kind: another last digit, or another last digit of the year."""
    if isinstance(leaf, bool):
        return not leaf
    if isinstance(leaf, int):
        return leaf + 1
    if leaf is None:
        return "77"
    digits = list(re.finditer(r"\d", leaf))
    if not digits:
        return f"{leaf}x"
    place = digits[3 if re.match(r"\d{4}-\d\d-\d\d", leaf) else -1].start()
    return f"{leaf[:place]}{(int(leaf[place]) + 1) % 10}{leaf[place + 1 :]}"


def with_change(expected: Any, path: Path) -> Any:
    other = deepcopy(expected)
    inner = other
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = changed(inner[path[-1]])
    return other


def passes(runner: str, vector: Any, expected: Any) -> bool:
    try:
        runners()[runner](vector["input"], expected)
    except Exception:  # noqa: BLE001 (a changed expectation need not make sense, so any failure will do)
        return False
    return True


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_a_changed_expectation_fails(suite: Suite) -> None:
    unread = set()
    for name, entry in suite.dispositions.items():
        if entry["is"] == "rejected":
            continue
        vector = suite.vectors[name]
        for path, _ in leaves(vector["expected"]):
            if passes(entry["runner"], vector, with_change(vector["expected"], path)):
                unread.add((entry["runner"], [part for part in path if isinstance(part, str)][-1]))
    assert unread <= UNREAD, unread - UNREAD


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_a_rejected_vector_does_not_hold(suite: Suite) -> None:
    """By none of the runners that its group has: what came to hold since is adopted."""
    holding = [
        name
        for entries in suite.by_group.values()
        for name, entry in entries.items()
        if entry["is"] == "rejected"
        for runner in {each["runner"] for each in entries.values() if "runner" in each}
        if passes(runner, suite.vectors[name], suite.vectors[name]["expected"])
    ]
    assert holding == []
