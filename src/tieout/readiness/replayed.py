"""Identical events, replayed, give the same counts, aggregates and amounts: the latest run of every set."""

from __future__ import annotations

from tieout.readiness.facts import Facts, ReplayFact
from tieout.readiness.item import Checked, Fact, Open, Problem, passed_or_open

RUN = "tieout replay run SET"


def check_replay(facts: Facts) -> Checked:
    if not facts.replays:
        action = f"record a set with expectations from outside (tieout replay record), then {RUN}"
        return Open((), (Problem("no replay set was ever run", action),))
    evidence = tuple(Fact(each.name, f"{each.told}, result {each.digest[:16]}") for each in facts.replays)
    problems = tuple(_problem(each) for each in facts.replays if each.passed is not True)
    return passed_or_open(evidence, problems)


def _problem(found: ReplayFact) -> Problem:
    if found.passed is None:
        return Problem(f"{found.name} was never run", f"run it: {RUN}")
    action = f"mend what the first cause of each difference names, then {RUN} again"
    return Problem(f"{found.name} failed: {found.why}", action)
