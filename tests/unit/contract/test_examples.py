"""A contract's examples are run by a function that the caller gives, since validation lies above."""

from __future__ import annotations

import json

from tests.unit.contract.sample import accepts_everything, documents_of, texts
from tieout.contract.check import check
from tieout.contract.event_contract import EventContract
from tieout.ingest.example import run_example

RIGHT = {"req-2": "field-missing", "req-3": "out-of-range", "r-2": "not-an-integer", "s-2": "time-naive"}


def test_examples_that_behave_are_no_problem() -> None:
    documents, _ = documents_of(texts())
    catalog, problems = check(documents, lambda _, event: RIGHT.get(json.loads(event)["id"]))
    assert problems == []
    assert catalog is not None


def test_a_valid_example_that_is_refused_is_a_problem() -> None:
    documents, _ = documents_of(texts())
    catalog, problems = check(documents, lambda _, event: RIGHT.get(json.loads(event)["id"], "unknown-type"))
    assert catalog is None
    assert [(problem.key, problem.field) for problem in problems] == [
        ("event llm.completion v1", "example[0]"),
        ("event http.request v1", "example[0]"),
        ("event workspace.seats v1", "example[0]"),
    ]
    assert problems[0].message == "the valid example is refused: unknown-type"
    assert problems[0].path == "events.toml"
    assert texts()["events.toml"].split("\n")[(problems[0].line or 0) - 1] == "[[event.example]]"


def test_an_invalid_example_that_is_accepted_is_a_problem() -> None:
    documents, _ = documents_of(texts())
    _, problems = check(documents, accepts_everything)
    assert len(problems) == len(RIGHT)
    assert problems[0].message == "the invalid example is accepted, but should be refused: field-missing"


def test_an_invalid_example_that_is_refused_for_another_reason_is_a_problem() -> None:
    documents, _ = documents_of(texts())
    wrong = {**RIGHT, "req-3": "field-type"}
    _, problems = check(documents, lambda _, event: wrong.get(json.loads(event)["id"]))
    assert [problem.message for problem in problems] == [
        "the invalid example is refused for field-type, not for out-of-range"
    ]


def test_examples_run_against_the_contract_that_carries_them() -> None:
    seen: list[tuple[str, int]] = []

    def run(contract: EventContract, event: str) -> str | None:
        assert json.loads(event)["type"] == contract.type
        seen.append((contract.type, contract.version))
        return None

    check(documents_of(texts())[0], run)
    assert seen == [
        *[("http.request", 1)] * 2,
        *[("llm.completion", 1)] * 3,
        *[("workspace.seats", 1)] * 2,
    ]


def test_the_samples_examples_behave_under_the_rules_of_ingest() -> None:
    _, problems = check(documents_of(texts())[0], run_example)
    assert problems == []
