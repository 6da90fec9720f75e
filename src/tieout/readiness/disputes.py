"""Disputes: who answers is named before there is one, and those that were opened have their evidence."""

from __future__ import annotations

from tieout.readiness.facts import Facts
from tieout.readiness.item import Checked, Fact, NotApplicable, Problem, passed_or_open


def check_dispute_owners(facts: Facts) -> Checked:
    found = facts.disputes
    evidence = tuple(Fact(route, person) for route, person in found.owners)
    problems = tuple(
        Problem(f"nobody is named for {route}", f"name who answers for {route}: tieout dispute owner")
        for route in found.missing
    )
    return passed_or_open(evidence, problems)


def check_dispute_evidence(facts: Facts) -> Checked:
    opened = facts.disputes.disputes
    if not opened:
        return NotApplicable("no dispute was opened here")
    complete = sum(not lacks for _, lacks in opened)
    evidence = (Fact("disputes", f"{complete} of {len(opened)} have their evidence", signed=False),)
    problems = tuple(
        Problem(
            f"dispute {name} lacks {lack}", "attach its evidence pack, and verify it: tieout dispute show"
        )
        for name, lacks in opened
        for lack in lacks
    )
    return passed_or_open(evidence, problems)
