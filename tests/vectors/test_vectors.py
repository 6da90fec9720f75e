"""Each vector of other systems is adopted, adapted or rejected with a reason; the end of the run counts them.

A file `runners_*.py` beside this one exports RUNNERS: name to a function of (input, expected) that asserts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

import pytest

from tests.vectors.dispositions import HERE, REASONS, SUITES, Suite, peer_of, summary, total

BY_NAME = {suite.name: suite for suite in SUITES}
ALL = [(suite, name) for suite in SUITES for name in suite.dispositions]
RUN = [(suite, name) for suite, name in ALL if suite.dispositions[name]["is"] != "rejected"]

PRICING_PASS_MIN = 80
"""Percent of pricing.json; of Stripe's vectors all."""


@cache
def runners() -> dict[str, Callable[[Any, Any], None]]:
    found: dict[str, Callable[[Any, Any], None]] = {}
    for path in sorted(HERE.glob("runners_*.py")):
        module = import_module(f"tests.vectors.{path.stem}")
        assert not found.keys() & module.RUNNERS.keys(), path
        found |= module.RUNNERS
    return found


def ids(entry: object) -> str:
    return entry if isinstance(entry, str) else ""


@pytest.mark.parametrize(("suite", "name"), RUN, ids=ids)
def test_vector(suite: Suite, name: str) -> None:
    vector = suite.vectors[name]
    runners()[suite.dispositions[name]["runner"]](vector["input"], vector["expected"])


@pytest.mark.parametrize(("name", "count"), [("events", 130), ("pricing", 270), ("proration", 337)])
def test_every_vector_has_one_disposition_under_its_group(name: str, count: int) -> None:
    suite = BY_NAME[name]
    assert len(suite.listed) == len(suite.vectors) == count
    assert sum(map(len, suite.by_group.values())) == len(suite.dispositions)
    assert {group: set(entries) for group, entries in suite.by_group.items()} == {
        group: {key for key, vector in suite.vectors.items() if vector[suite.group] == group}
        for group in {vector[suite.group] for vector in suite.listed}
    }


def test_every_vector_names_its_source() -> None:
    for suite in SUITES:
        for vector in suite.listed:
            assert vector["source"].get("url") or vector["source"].keys() >= {"repo", "path", "commit"}


@pytest.mark.parametrize(("suite", "name"), ALL, ids=ids)
def test_a_disposition_says_why(suite: Suite, name: str) -> None:
    entry = suite.dispositions[name]
    match entry["is"]:
        case "adopted":
            assert entry.keys() == {"is", "runner"}
        case "adapted":
            assert entry.keys() == {"is", "runner", "note"}
        case "rejected":
            assert entry["reason"] in REASONS
            assert entry["reason"] != "other-semantics" or entry["note"]
        case _:
            pytest.fail(entry["is"])


def test_every_runner_and_every_reason_is_used() -> None:
    entries = [suite.dispositions[name] for suite, name in ALL]
    assert {entry["runner"] for entry in entries if "runner" in entry} == set(runners())
    assert {entry["reason"] for entry in entries if "reason" in entry} == set(REASONS)


def test_every_vector_of_stripe_and_four_of_five_about_prices_pass() -> None:
    pricing = BY_NAME["pricing"]
    counts = pricing.counts(pricing.dispositions)
    assert (counts["adopted"] + counts["adapted"]) * 100 >= PRICING_PASS_MIN * len(pricing.listed)
    stripe = Counter(
        suite.dispositions[name]["is"] for suite, name in ALL if peer_of(suite.vectors[name]) == "stripe"
    )
    assert stripe["adopted"] + stripe["adapted"] == stripe.total() == 13


def test_the_summary_counts_each_vector_once() -> None:
    assert [total(suite) for suite in SUITES] == [
        "events: 65 adopted, 38 adapted, 27 rejected (clock-steps 12, other-semantics 8, rfc-9557"
        " 3, unix-time 2, unknown-zone 2)",
        "pricing: 154 adopted, 86 adapted, 30 rejected (free-events 12, weighted-tiers 9, "
        "other-semantics 5, blocks-in-tiers 2, one-meter 2)",
        "proration: 242 adopted, 62 adapted, 33 rejected (other-semantics 22, thirty-day-months "
        "10, one-time 1)",
    ]
    for suite in SUITES:
        for member in ("peer", suite.group):
            assert sum(counts.total() for counts in suite.by(member).values()) == len(suite.listed)
    assert "stripe 13+0 of 13" in summary()
