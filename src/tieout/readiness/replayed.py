"""Identical events, replayed, give the same counts, aggregates and amounts: with the terms that the home has
now no set of its own differs, and one of them at least proves enough to be a gate.

A result of another home's set, or with other terms, is shown and neither passes nor fails anything.
"""

from __future__ import annotations

from collections.abc import Sequence

from tieout.readiness.facts import Facts, ReplayFact
from tieout.readiness.item import Checked, Fact, Open, Passed, Problem, passed_or_open
from tieout.replay.result import ReplayResult
from tieout.replay.terms import Apart

RUN = "tieout replay run SET --keep-in HOME"


def check_replay(facts: Facts) -> Checked:
    return check_replays(facts.replays)


def check_replays(replays: Sequence[ReplayFact]) -> Checked:
    """The same of the replays alone."""
    counting = [each for each in replays if each.apart is None]
    evidence = (
        *(Fact(each.name, each.told) for each in counting),
        *(
            Fact(f"{each.name}, {each.apart}: does not count", each.told, signed=False)
            for each in replays
            if each.apart is not None
        ),
    )
    if not counting:
        return Open(evidence, (_nothing_counts(replays),))
    problems = [
        Problem(f"{each.name} failed: {each.difference}", f"mend what its report names first, then {RUN}")
        for each in counting
        if each.difference
    ]
    if all(each.no_gate for each in counting):
        problems += [
            Problem(f"{each.name} is no gate: {why}", f"mend the set, then {RUN}")
            for each in counting
            for why in each.no_gate
        ]
    return passed_or_open(evidence, tuple(problems))


def replay_fact(found: ReplayResult, apart: Apart | None, *, software: str) -> ReplayFact:
    """One by another version of this software says nothing of this one; `software` is its own version."""
    counted = f"{found.differences} difference{'' if found.differences == 1 else 's'}"
    difference = counted if found.differences else ""
    if found.software != software:
        difference = difference or f"it was run by version {found.software}, this is {software}"
    candidate = ", with a candidate catalog" if found.candidate else ""
    told = (
        f"set {found.set_digest[:16]}, terms {found.terms_digest[:16]}, outcome {found.outcome_digest[:16]}, "
        f"{counted}{candidate}, by version {found.software}"
    )
    return ReplayFact(found.set_name, difference, found.gate_failures, told, apart)


def mends(now: Sequence[ReplayFact], then: Sequence[ReplayFact]) -> bool:
    """Whether a replay has failed, and each set that did has passed, in a run that is kept, `then`: with just
    the terms that there will be once something is applied."""
    failed = {each.name for each in now if each.apart is None and each.difference}
    passed = {each.name for each in then if each.apart is None and not each.difference}
    return bool(failed) and failed <= passed and isinstance(check_replays(then), Passed)


def _nothing_counts(replays: Sequence[ReplayFact]) -> Problem:
    """Sets of another home are as good as none; one that ran with other terms only has to run again."""
    if any(each.apart is Apart.OTHER_TERMS for each in replays):
        action = f"{RUN}, with what was applied since as --catalog, or record the set anew"
        return Problem("no replay set was run with the terms that this home has now", action)
    action = f"record a set with expectations from outside (tieout replay record, expect), then {RUN}"
    return Problem("no replay set of this home was ever run", action, is_absence=True)
