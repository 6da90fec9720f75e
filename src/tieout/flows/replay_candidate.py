"""A candidate catalog in a replay: its documents take the place of those of the set with the same kind, key
and version, where they were applied; what the set has not is applied as soon as it holds together.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tieout.contract.document import Document, DocumentKind
from tieout.contract.problem import Problem
from tieout.flows.apply_catalog import CatalogRefused, DocumentKey, check_documents, read_documents
from tieout.flows.read_replay_set import BadReplaySet, ReplaySet
from tieout.kernel.errors import Refusal
from tieout.replay.call import CallKind


class CandidatePolicy(Refusal):
    """A policy is signed, not tried."""

    code = "candidate-policy"

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder} holds a policy that is not the set's. A candidate is a catalog: prices, plans, meters "
            "and so on; nothing was run."
        )


ByLine = dict[int, list[Document]]
"""Documents by the line of the call that applies them."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What the catalog calls of a run apply, by the line of each. `changed`: names of the documents that are
    the candidate's and not the set's."""

    by_line: ByLine
    changed: frozenset[str]
    changed_keys: frozenset[DocumentKey]


def applied(found: ReplaySet, candidate: Path | None) -> Applied:
    """Raises `BadReplaySet` with what is wrong with the set's documents, `CatalogRefused` with what is wrong
    with the candidate's among them, and `CandidatePolicy`."""
    by_line, problems = _read(found, CallKind.CATALOG, "documents")
    beside, wrong = _beside(found)
    problems += wrong
    if not problems:
        problems = list(check_documents(_together(by_line, beside), against=None).problems)
    if problems:
        raise BadReplaySet(found.folder, tuple(problems))
    if candidate is None:
        return Applied(by_line, frozenset(), frozenset())
    documents, problems = read_documents(candidate)
    if problems:
        raise CatalogRefused(tuple(problems))
    known = {_key(each): each.digest for each in _together(by_line, beside)}
    changed = {_key(each): each for each in documents if known.get(_key(each)) != each.digest}
    if any(kind is DocumentKind.POLICY for kind, _, _ in changed):
        raise CandidatePolicy(candidate)
    replaced = {line: [changed.get(_key(each), each) for each in kept] for line, kept in by_line.items()}
    fresh = [each for key, each in changed.items() if key not in known]
    if fresh:
        line = _first_fit(replaced, beside, fresh)
        replaced[line] = [*replaced[line], *fresh]
    return Applied(replaced, frozenset(each.name for each in changed.values()), frozenset(changed))


def _read(found: ReplaySet, kind: CallKind, member: str) -> tuple[ByLine, list[Problem]]:
    by_line: ByLine = {}
    problems: list[Problem] = []
    for call in found.calls:
        if call.kind is kind and member in call.texts:
            by_line[call.line], wrong = read_documents(found.file(call.texts[member]))
            problems += wrong
    return by_line, problems


def _beside(found: ReplaySet) -> tuple[ByLine, list[Problem]]:
    """What other calls apply: policies that are proposed, and prices that corrections supersede others by."""
    policies, problems = _read(found, CallKind.PROPOSE, "policy")
    corrected, wrong = _read(found, CallKind.CORRECTION, "catalog")
    return policies | corrected, problems + wrong


def _first_fit(by_line: ByLine, beside: ByLine, fresh: Sequence[Document]) -> int:
    """The line of the first catalog call with which all that is applied by then holds together. Raises
    `CatalogRefused`."""
    lines = sorted(by_line)
    if not lines:
        raise CatalogRefused((Problem("calls.jsonl", "", "", "no call applies a catalog"),))

    def refusals(place: int) -> tuple[Problem, ...]:
        documents = _together(by_line, beside, until=lines[place])
        return check_documents([*documents, *fresh], against=None).problems

    place = bisect_left(range(len(lines)), True, key=lambda place: not refusals(place))
    if place == len(lines):
        raise CatalogRefused(refusals(place - 1))
    return lines[place]


def _together(by_line: ByLine, beside: ByLine, *, until: int | None = None) -> list[Document]:
    """Once each, though a call may repeat what an earlier one applied; of calls up to a line."""
    lines = sorted({*by_line, *beside})
    known = {
        _key(each): each
        for line in lines
        if until is None or line <= until
        for each in (*by_line.get(line, ()), *beside.get(line, ()))
    }
    return list(known.values())


def _key(document: Document) -> DocumentKey:
    return (document.kind, document.key, document.version)
