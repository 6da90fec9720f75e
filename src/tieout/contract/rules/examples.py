"""A contract's examples are run: the valid must be accepted, the invalid refused for the reason they name."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tieout.contract.document import DocumentKind
from tieout.contract.event_contract import EventContract, Example
from tieout.contract.problem import Problem
from tieout.contract.rules.draft import Draft

RunExample = Callable[[EventContract, str], str | None]
"""(contract, event as JSON text) -> the reason code for which that contract refuses the event, None if it
accepts."""


def check_examples(draft: Draft, run_example: RunExample) -> Iterator[Problem]:
    """Every example of every contract version."""
    for contract in draft.catalog.events:
        for place, example in enumerate(contract.examples):
            message = _misbehaviour(example, run_example(contract, example.event))
            if message is not None:
                yield draft.problem(DocumentKind.EVENT, contract, f"example[{place}]", message)


def _misbehaviour(example: Example, reason: str | None) -> str | None:
    if example.valid:
        return None if reason is None else f"the valid example is refused: {reason}"
    if reason is None:
        return f"the invalid example is accepted, but should be refused: {example.reason}"
    return (
        None
        if reason == example.reason
        else f"the invalid example is refused for {reason}, not for {example.reason}"
    )
