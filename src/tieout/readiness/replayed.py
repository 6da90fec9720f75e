"""Identical events, replayed, give the same counts, aggregates and amounts: no set that the home keeps
differs, and one of them at least proves enough to be a gate."""

from __future__ import annotations

from tieout.readiness.facts import Facts
from tieout.readiness.item import Checked, Fact, Open, Problem, passed_or_open

RUN = "tieout replay run SET --keep-in HOME"


def check_replay(facts: Facts) -> Checked:
    if not facts.replays:
        action = f"record a set with expectations from outside (tieout replay record, expect), then {RUN}"
        return Open((), (Problem("no replay set was ever run", action, is_absence=True),))
    evidence = (
        *(Fact(each.name, each.told) for each in facts.replays),
        *(Fact(f"{each.name} ran", each.beside, signed=False) for each in facts.replays if each.beside),
    )
    problems = [
        Problem(f"{each.name} failed: {each.difference}", f"mend what its report names first, then {RUN}")
        for each in facts.replays
        if each.difference
    ]
    if all(each.no_gate for each in facts.replays):
        problems += [
            Problem(f"{each.name} is no gate: {why}", f"mend the set, then {RUN}")
            for each in facts.replays
            for why in each.no_gate
        ]
    return passed_or_open(evidence, tuple(problems))
