"""Cadence and off-cycle rules are documented: the policy that three signed, in force now."""

from __future__ import annotations

from collections.abc import Iterable

from tieout.contract.policy import Policy
from tieout.contract.policy_members import member_text, policy_members
from tieout.contract.signature import Signature
from tieout.readiness.facts import Facts, RulesFact
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


def rules_fact(policy: Policy, signatures: Iterable[Signature]) -> RulesFact:
    """Of the policy in force, with the signatures that put it there."""
    members = policy_members(policy)
    cadence = ", ".join(
        f"{name.replace('_', ' ')} {member_text(members[name])}"
        for name in ("cadence", "anchor", "anchor_day", "grace_hours", "review_hours")
    )
    told = [
        f"{name.removeprefix('off_cycle.').replace('_', ' ')} {member_text(value)}"
        for name, value in members.items()
        if name.startswith("off_cycle.") and value not in (None, [], False)
    ]
    off_cycle = "; ".join(told) if policy.off_cycle else "nobody is billed inside a period"
    signed_by = tuple((each.role.value, each.person) for each in signatures)
    return RulesFact(f"{policy.key} v{policy.version}", policy.digest, cadence, off_cycle, signed_by)
