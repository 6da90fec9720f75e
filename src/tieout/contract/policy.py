"""The trigger policy that product, finance and ops sign. The policy in force when a period starts governs
it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tieout.kernel.cadence import Cadence
from tieout.kernel.ids import PolicyKey
from tieout.kernel.instant import Instant


class PolicyRole(StrEnum):
    """The three who must sign, in the order they are shown."""

    PRODUCT = "product"
    FINANCE = "finance"
    OPS = "ops"


class OwnerRole(StrEnum):
    """Who signs the changes of a meter: its owner, by name."""

    OWNER = "owner"


SignerRole = PolicyRole | OwnerRole


def signer_role(text: str) -> SignerRole:
    """Raises `ValueError` for a word that is none of them."""
    return OwnerRole.OWNER if text == OwnerRole.OWNER else PolicyRole(text)


@dataclass(frozen=True, slots=True)
class Policy:
    """`predecessor_digest` None only for a home's first policy. `grace_hours` is how long after a period's
    end its close waits. `small_team_exception` states why fewer than three people sign; every paper under it
    says so."""

    key: PolicyKey
    version: int
    effective_from: Instant
    predecessor_digest: str | None
    cadence: Cadence
    grace_hours: int
    proposer: str
    small_team_exception: str | None
    digest: str


def policy_governing(states: Iterable[tuple[Policy, Instant | None]], instant: Instant) -> Policy | None:
    """The policy in force at `instant`, given each policy with the instant since when it is in force (None:
    not yet).

    Of several the one that came into force last governs; at the very same instant, the successor by version.
    """
    candidates = [(since, policy) for policy, since in states if since is not None and since <= instant]
    if not candidates:
        return None
    return max(
        candidates, key=lambda found: (found[0], found[1].effective_from, found[1].version, found[1].digest)
    )[1]
