"""What a policy says, member by member under the names of its document, defaults included; and what differs
between two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tieout.contract.policy import HoldOn, OffCycle, Policy, Requirement
from tieout.kernel.instant import format_instant
from tieout.kernel.rational import exact_text

Told = str | int | bool | None | list[str]
"""As it is printed; decimals as strings."""


@dataclass(frozen=True, slots=True)
class MemberDifference:
    """A member that two policies say otherwise."""

    member: str
    before: Told
    after: Told


def policy_members(policy: Policy) -> Mapping[str, Told]:
    """Everything that a policy decides, in the order of its document; `off_cycle` is there in all its parts,
    empty where nobody is billed off cycle."""
    return {
        "effective_from": format_instant(policy.effective_from),
        "predecessor_digest": policy.predecessor_digest,
        "cadence": policy.cadence.value,
        "anchor": policy.anchoring.value,
        "anchor_day": policy.anchor_day,
        "grace_hours": policy.grace_hours,
        "review_hours": policy.review_hours,
        "late_path": policy.late_path.value,
        "late_approval": policy.late_approval.value,
        "requires": [each.value for each in Requirement if each in policy.requires],
        "hold_on": [each.value for each in HoldOn if each in policy.hold_on],
        **_off_cycle(policy.off_cycle or OffCycle()),
        "proposer": policy.proposer,
        "small_team_exception": policy.small_team_exception,
    }


def differences(before: Policy, after: Policy) -> list[MemberDifference]:
    """Member by member, in the order of the document."""
    said = policy_members(after)
    return [
        MemberDifference(name, value, said[name])
        for name, value in policy_members(before).items()
        if value != said[name]
    ]


def member_text(told: Told) -> str:
    """For a person: `-` for nothing."""
    match told:
        case None | []:
            return "-"
        case bool():
            return "yes" if told else "no"
        case list():
            return ", ".join(told)
        case _:
            return str(told)


def _off_cycle(found: OffCycle) -> Mapping[str, Told]:
    percent = found.commitment_used_percent
    return {
        "off_cycle.customers": list(found.customers),
        "off_cycle.plans": list(found.plans),
        "off_cycle.prices": list(found.prices),
        "off_cycle.exposure_over": [f"{exact_text(amount)} {code}" for code, amount in found.exposure_over],
        "off_cycle.commitment_used_percent": None if percent is None else exact_text(percent),
        "off_cycle.contract_end": found.contract_end,
    }
