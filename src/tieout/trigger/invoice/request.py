"""Whether the invoice rules take up a request: the signed policy of the period decides, nothing else.

Invoice rules have no crossing and hold nobody: a cycle that closes, or an approved off-cycle condition that
is met, starts the close for that account, and the close bills what its ties let it.
"""

from __future__ import annotations

from dataclasses import dataclass

from tieout.contract.policy import Policy
from tieout.kernel.ids import CustomerId
from tieout.kernel.period import Period


@dataclass(frozen=True, slots=True)
class CloseAsked:
    """The account to be looked at by a close now."""

    request: str
    customer: CustomerId
    period: Period


@dataclass(frozen=True, slots=True)
class Declined:
    """Nobody signed that this account may be billed inside its period."""

    request: str
    reason: str
    action: str


def taken_up(
    request: str, customer: CustomerId, period: Period, policy: Policy | None
) -> CloseAsked | Declined:
    """A policy with off-cycle rules may bill inside the period; whether this account is eligible and which
    condition is met, the close finds out."""
    if policy is None:
        return Declined(request, "no signed policy governs the period", "have a policy signed")
    if policy.off_cycle is None:
        return Declined(
            request,
            f"policy {policy.key} v{policy.version} bills nobody inside a period",
            "have a policy with [policy.off_cycle] signed, or wait for the end of the period",
        )
    return CloseAsked(request, customer, period)
