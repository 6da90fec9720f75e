"""Compliance gates are validated where they are enabled; where none is, there is nothing to validate."""

from __future__ import annotations

from tieout.readiness.facts import Facts
from tieout.readiness.item import Checked, Fact, NotApplicable, Problem, passed_or_open


def check_compliance(facts: Facts) -> Checked:
    enabled = [each for each in facts.compliance if each.enabled]
    if not enabled:
        known = ", ".join(each.name for each in facts.compliance)
        has = f"this version has {known}" if known else "this version has none"
        return NotApplicable(f"no compliance gate is enabled here ({has})")
    evidence = tuple(Fact(each.name, each.validated or "not validated") for each in enabled)
    problems = tuple(
        Problem(f"{each.name} is enabled and was never validated", f"validate {each.name}")
        for each in enabled
        if each.validated is None
    )
    return passed_or_open(evidence, problems)
