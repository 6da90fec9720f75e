"""Disputes: who answers is named before there is one, and those that were opened have their evidence."""

from __future__ import annotations

from tieout.readiness.facts import Facts
from tieout.readiness.item import Checked, Fact, NotApplicable, Problem, passed_or_open


def check_dispute_owners(facts: Facts) -> Checked:
    found = facts.disputes
    assert found is not None, "read where the item is asked for"
    evidence = tuple(Fact(route, person) for route, person in found.owners)
    problems = tuple(
        Problem(f"nobody is named for {role}", f"name who answers: tieout dispute owners set --{role} NAME")
        for role in found.missing
    )
    return passed_or_open(evidence, problems)


def check_dispute_evidence(facts: Facts) -> Checked:
    found = facts.disputes
    assert found is not None, "read where the item is asked for"
    if not found.opened:
        return NotApplicable("no dispute was opened here")
    complete = found.opened - len(found.incomplete)
    evidence = (Fact("disputes", f"{complete} of {found.opened} lack nothing", signed=False),)
    problems = tuple(
        Problem(f"dispute {each.name}: {lack}", each.next_action)
        for each in found.incomplete
        for lack in each.lacks
    )
    return passed_or_open(evidence, problems)
