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


@dataclass(frozen=True, slots=True)
class Applied:
    """What the catalog calls of a run apply, by the line of each. `changed`: names of the documents that are
    the candidate's and not the set's."""

    by_line: dict[int, list[Document]]
    changed: frozenset[str]
    changed_keys: frozenset[DocumentKey]


def applied(found: ReplaySet, candidate: Path | None) -> Applied:
    """Raises `BadReplaySet` with what is wrong with the set's documents, `CatalogRefused` with what is wrong
    with the candidate's among them, and `CandidatePolicy`."""
    by_line, problems = _of_set(found)
    if not problems:
        problems = list(check_documents(_until(by_line, sorted(by_line), ()), against=None).problems)
    if problems:
        raise BadReplaySet(found.folder, tuple(problems))
    if candidate is None:
        return Applied(by_line, frozenset(), frozenset())
    documents, problems = read_documents(candidate)
    if problems:
        raise CatalogRefused(tuple(problems))
    known = {_key(each): each.digest for line in by_line.values() for each in line}
    known |= {_key(each): each.digest for each in _proposed(found)}
    changed = {_key(each): each for each in documents if known.get(_key(each)) != each.digest}
    if any(kind is DocumentKind.POLICY for kind, _, _ in changed):
        raise CandidatePolicy(candidate)
    replaced = {line: [changed.get(_key(each), each) for each in kept] for line, kept in by_line.items()}
    fresh = [each for key, each in changed.items() if key not in known]
    if fresh:
        line = _first_fit(replaced, fresh)
        replaced[line] = [*replaced[line], *fresh]
    return Applied(replaced, frozenset(each.name for each in changed.values()), frozenset(changed))


def _of_set(found: ReplaySet) -> tuple[dict[int, list[Document]], list[Problem]]:
    by_line: dict[int, list[Document]] = {}
    problems: list[Problem] = []
    for call in found.calls:
        if call.kind is CallKind.CATALOG:
            documents, wrong = read_documents(found.file(call.texts["documents"]))
            by_line[call.line] = documents
            problems += wrong
    return by_line, problems


def _proposed(found: ReplaySet) -> list[Document]:
    """Policies, which are proposed and not applied."""
    files = [found.file(call.texts["policy"]) for call in found.calls if call.kind is CallKind.PROPOSE]
    return [each for file in files for each in read_documents(file)[0]]


def _first_fit(by_line: dict[int, list[Document]], fresh: Sequence[Document]) -> int:
    """The line of the first catalog call with which all that is applied by then holds together. Raises
    `CatalogRefused`."""
    lines = sorted(by_line)
    if not lines:
        raise CatalogRefused((Problem("calls.jsonl", "", "", "no call applies a catalog"),))

    def holds(place: int) -> bool:
        return check_documents(_until(by_line, lines[: place + 1], fresh), against=None).catalog is not None

    place = bisect_left(range(len(lines)), True, key=holds)
    if place == len(lines):
        raise CatalogRefused(check_documents(_until(by_line, lines, fresh), against=None).problems)
    return lines[place]


def _until(
    by_line: dict[int, list[Document]], lines: Sequence[int], fresh: Sequence[Document]
) -> list[Document]:
    """Once each, though a call may repeat what an earlier one applied."""
    together = {_key(each): each for line in lines for each in by_line[line]}
    return [*together.values(), *fresh]


def _key(document: Document) -> DocumentKey:
    return (document.kind, document.key, document.version)
