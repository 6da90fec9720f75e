"""Each vector of other systems is adopted, adapted or rejected with a reason; the end of the run counts them.

A file `runners_*.py` beside this one exports RUNNERS: name to a function of (input, expected) that asserts.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

from tests.vectors.dispositions import BY_TOPIC, DISPOSITIONS, HERE, LISTED, REASONS, VECTORS, summary

RUN = [name for name, entry in DISPOSITIONS.items() if entry["is"] != "rejected"]


def runners() -> dict[str, Callable[[Any, Any], None]]:
    found: dict[str, Callable[[Any, Any], None]] = {}
    for path in sorted(HERE.glob("runners_*.py")):
        module = import_module(f"tests.vectors.{path.stem}")
        assert not found.keys() & module.RUNNERS.keys(), path
        found |= module.RUNNERS
    return found


@pytest.mark.parametrize("name", RUN)
def test_vector(name: str) -> None:
    vector = VECTORS[name]
    runners()[DISPOSITIONS[name]["runner"]](vector["input"], vector["expected"])


def test_every_vector_has_one_disposition_under_its_topic() -> None:
    assert len(LISTED) == len(VECTORS) == 130
    assert sum(map(len, BY_TOPIC.values())) == len(DISPOSITIONS)
    assert {topic: set(entries) for topic, entries in BY_TOPIC.items()} == {
        topic: {name for name, vector in VECTORS.items() if vector["topic"] == topic}
        for topic in {vector["topic"] for vector in LISTED}
    }


@pytest.mark.parametrize("name", DISPOSITIONS)
def test_a_disposition_says_why(name: str) -> None:
    entry = DISPOSITIONS[name]
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
    assert {entry["runner"] for entry in DISPOSITIONS.values() if "runner" in entry} == set(runners())
    assert {entry["reason"] for entry in DISPOSITIONS.values() if "reason" in entry} == set(REASONS)


def test_the_summary_counts_each_vector_once() -> None:
    assert summary() == (
        "57 adopted, 28 adapted, 45 rejected (not-built 19, clock-steps 12, other-semantics 7, rfc-9557 3, "
        "unix-time 2, unknown-zone 2)"
    )
