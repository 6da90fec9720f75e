"""Cadence and off-cycle rules are documented: the policy that three signed, in force now."""

from __future__ import annotations

from tieout.readiness.facts import Facts
from tieout.readiness.item import Checked, Fact, Open, Passed, Problem

NONE_IN_FORCE = Problem(
    "no signed policy is in force",
    "write one that states cadence and off-cycle rules, and have product, finance and ops sign it: "
    "tieout policy propose, sign, submit",
)


def check_rules(facts: Facts) -> Checked:
    found = facts.rules
    waiting = tuple(
        Fact(
            "proposed",
            f"{each.name}, " + (f"not signed by {', '.join(each.missing)}" if each.missing else "to come"),
            signed=False,
        )
        for each in facts.waiting_policies
    )
    if found is None:
        return Open(waiting, (NONE_IN_FORCE,))
    signers = ", ".join(f"{person} ({role})" for role, person in found.signed_by)
    return Passed(
        (
            Fact("policy", f"{found.name}, digest {found.digest[:16]}, signed by {signers}"),
            Fact("cadence", found.cadence),
            Fact("off-cycle", found.off_cycle),
            *waiting,
        )
    )
