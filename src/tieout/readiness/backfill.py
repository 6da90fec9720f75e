"""No historical total is changed by a backfill without an approved delta report: neither on paper, nor as the
log stands now."""

from __future__ import annotations

from tieout.readiness.facts import Facts
from tieout.readiness.item import Checked, Fact, Problem, passed_or_open

PREVIEW = "tieout correction preview, have another person approve the report, and close"


def check_backfill(facts: Facts) -> Checked:
    found = facts.backfill
    assert found is not None, "read where the item is asked for"
    evidence = (
        Fact("approved by", found.rule),
        Fact("changed on papers", f"{len(found.billed)} periods", signed=False),
        *(
            Fact(f"{each.account} {each.period}", f"{each.paper}: {each.approval}", signed=False)
            for each in found.waiting
            if each.problem is None
        ),
    )
    problems = tuple(
        Problem(f"{each.account} {each.period} ({each.paper}): {each.problem}", PREVIEW)
        for each in (*found.billed, *found.waiting)
        if each.problem is not None
    )
    return passed_or_open(evidence, problems)
