"""The trigger policy that product, finance and ops sign. The policy in force when a period starts governs
it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tieout.kernel.cadence import Cadence
from tieout.kernel.ids import CustomerId, PlanKey, PolicyKey, PriceKey
from tieout.kernel.instant import Instant
from tieout.kernel.rational import Exact


class PolicyRole(StrEnum):
    """The three who must sign, in the order they are shown."""

    PRODUCT = "product"
    FINANCE = "finance"
    OPS = "ops"


class OwnerRole(StrEnum):
    """Who signs the changes of a meter: its owner, by name."""

    OWNER = "owner"


class EngineeringRole(StrEnum):
    """Who signs a waiver beside finance and ops."""

    ENGINEERING = "engineering"


SignerRole = PolicyRole | OwnerRole | EngineeringRole


def signer_role(text: str) -> SignerRole:
    """Raises `ValueError` for a word that is none of them."""
    if text == EngineeringRole.ENGINEERING:
        return EngineeringRole.ENGINEERING
    return OwnerRole.OWNER if text == OwnerRole.OWNER else PolicyRole(text)


class LatePath(StrEnum):
    """How a correction of a sealed period reaches the customer: on its next invoice, or as a note at once."""

    NEXT_INVOICE = "next_invoice"
    NOTE = "note"


class LateApproval(StrEnum):
    """Who approves that late data changes what was already shown: a person, on a delta report, or the policy
    itself, in advance."""

    DELTA_REPORT = "delta_report"
    POLICY = "policy"


class Requirement(StrEnum):
    """Evidence that must exist before an invoice under the policy is sealed."""

    APPROVED_DRAFT = "approved_draft"
    CONTROL_TOTALS = "control_totals"
    VERIFIED_LOG = "verified_log"
    DECIDED_QUARANTINE = "decided_quarantine"
    SIGNED_PRICES = "signed_prices"


class HoldOn(StrEnum):
    """Usage that no invoice bills, and that holds invoices where the policy says so."""

    UNPRICED = "unpriced"
    UNMATCHED = "unmatched"


class Anchoring(StrEnum):
    """From where periods are counted: the calendar, or the day on which the subscription started."""

    CALENDAR = "calendar"
    ANNIVERSARY = "anniversary"


@dataclass(frozen=True, slots=True)
class OffCycle:
    """Which accounts may be billed inside a period, and when. An account is eligible by its customer, one of
    its plans or one of its prices; an empty tuple names nobody. Conditions: what is not billed yet comes to
    `exposure_over` (whole units, of accounts in that currency) or more; usage has reached
    `commitment_used_percent` of a commitment; the subscription ended (`contract_end`)."""

    customers: tuple[CustomerId, ...] = ()
    plans: tuple[PlanKey, ...] = ()
    prices: tuple[PriceKey, ...] = ()
    exposure_over: tuple[tuple[str, Exact], ...] = ()
    commitment_used_percent: Exact | None = None
    contract_end: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """`predecessor_digest` None only for a home's first policy. `grace_hours` is how long after a period's
    end its close waits, `review_hours` how long the draft then waits for a person (0: it is sealed at once).
    `small_team_exception` states why fewer than three people sign; every paper under it says so. `off_cycle`
    None: nobody is billed inside a period. `requires` is what must be on record before a seal. Periods of
    months start on `anchor_day`, or on the last day of a month that has none; both members are for customers
    that name no anchor of their own. `hold_on`: the usage on no invoice that holds invoices."""

    key: PolicyKey
    version: int
    effective_from: Instant
    predecessor_digest: str | None
    cadence: Cadence
    grace_hours: int
    proposer: str
    small_team_exception: str | None
    digest: str
    review_hours: int = 0
    late_path: LatePath = LatePath.NEXT_INVOICE
    late_approval: LateApproval = LateApproval.DELTA_REPORT
    off_cycle: OffCycle | None = None
    requires: frozenset[Requirement] = frozenset()
    anchoring: Anchoring = Anchoring.CALENDAR
    anchor_day: int = 1
    hold_on: frozenset[HoldOn] = frozenset()


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
