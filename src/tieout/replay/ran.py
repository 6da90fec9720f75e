"""A run of a set: what it found, whole, for reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tieout.replay.call import CallKind
from tieout.replay.compare import Difference
from tieout.replay.face import Face
from tieout.replay.result import ReplayResult


@dataclass(frozen=True, slots=True)
class RefusedCall:
    """A call that was refused: its line in `calls.jsonl`, and why."""

    line: int
    kind: CallKind
    why: str


@dataclass(frozen=True, slots=True)
class ReplayRun:
    """All that a run found. `waiting`: by customer and start of period, what is not sealed and why.
    `rehearsed`: documents that were signed by keys of nobody. `digests`: of the sealed papers, by number.
    `recorded`: how many lines are as the recorded home sealed them, and of how many; None where the set does
    not say."""

    face: Face
    result: ReplayResult
    differences: tuple[Difference, ...]
    refused: tuple[RefusedCall, ...]
    misjudged: tuple[str, ...]
    waiting: Mapping[tuple[str, str], str]
    counts: Mapping[str, int]
    lines: int
    digests: Mapping[str, str]
    changed: tuple[str, ...]
    rehearsed: tuple[str, ...]
    recorded: tuple[int, int] | None
    edited: tuple[str, ...]
    loose: tuple[str, ...]
