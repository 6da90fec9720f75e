"""Lines are traced: every line of each sealed sample, back to its events and forward to the same amount."""

from __future__ import annotations

from tieout.readiness.facts import Facts
from tieout.readiness.item import Checked, Fact, Open, Problem, passed_or_open


def check_trace(facts: Facts) -> Checked:
    if not facts.traced:
        action = "record expectations of sample accounts, then close their period (tieout close)"
        return Open((), (Problem("no sample is sealed, so none of its lines can be traced", action),))
    evidence = tuple(
        Fact(each.number, f"{each.lines} lines traced, document {each.sha256[:16]}") for each in facts.traced
    )
    problems = tuple(
        Problem(f"line {line} of {each.number} does not come out the same: {why}", f"tieout trace {line}")
        for each in facts.traced
        for line, why in each.differing
    )
    return passed_or_open(evidence, problems)
