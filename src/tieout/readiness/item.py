"""An item of the launch review: what it asks, who signs it off, and what its check gives for the facts.

A check is a pure function of given facts. What it says never depends on who has signed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from tieout.contract.document import DocumentKind
from tieout.contract.policy import EngineeringRole, PolicyRole, SignerRole
from tieout.kernel.canonical import JsonValue, canonical_json
from tieout.readiness.facts import Facts

ROLES: tuple[SignerRole, ...] = (*PolicyRole, EngineeringRole.ENGINEERING)
"""Who may sign items off, in the order in which they are shown."""


class ItemKey(StrEnum):
    """The word by which an item is called on the command line."""

    RULES = "rules"
    SAMPLES = "samples"
    EVENT = "event"
    REPLAY = "replay"
    TRACE = "trace"
    TOTALS = "totals"
    DISPUTE_OWNERS = "dispute-owners"
    DISPUTE_EVIDENCE = "dispute-evidence"
    COMPLIANCE = "compliance"
    BACKFILL = "backfill"


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that an item stands on. `signed`: it is part of what a sign-off is over; another value then
    makes the sign-off stale. What changes with each day's invoices and proves itself anew is shown and not
    signed."""

    name: str
    value: str
    signed: bool = True


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an item is open, and what to do about it. `is_absence`: nothing has failed, there is only nothing
    yet that could have passed."""

    what: str
    next_action: str
    is_absence: bool = False


@dataclass(frozen=True, slots=True)
class Passed:
    """The facts say what the item asks for."""

    evidence: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Open:
    """They do not; every problem, not the first."""

    evidence: tuple[Fact, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class NotApplicable:
    """There is nothing here that the item is about."""

    reason: str


Checked = Passed | Open | NotApplicable


@dataclass(frozen=True, slots=True)
class Item:
    """`roles` sign it off. `may_be_overridden`: by product, finance and ops together, for a time; where not,
    then only that there is nothing yet. `remedies`: documents of the catalog by which an open item is mended,
    so that it does not refuse them; `mended_by_correction`: by a price correction that was approved on a
    delta report."""

    key: ItemKey
    asks: str
    roles: tuple[SignerRole, ...]
    check: Callable[[Facts], Checked]
    may_be_overridden: bool = True
    remedies: frozenset[DocumentKind] = frozenset()
    mended_by_correction: bool = False


def may_pass_over(item: Item, problems: Sequence[Problem]) -> bool:
    """Whether an override of these problems of the item may be asked for at all."""
    return item.may_be_overridden or all(each.is_absence for each in problems)


def passed_or_open(evidence: tuple[Fact, ...], problems: tuple[Problem, ...]) -> Checked:
    return Open(evidence, problems) if problems else Passed(evidence)


def evidence_of(checked: Checked) -> tuple[Fact, ...]:
    return () if isinstance(checked, NotApplicable) else checked.evidence


def evidence_digest(key: ItemKey, checked: Checked) -> str:
    """Over the item and those facts that are signed, as hex."""
    signed: list[JsonValue] = [[fact.name, fact.value] for fact in evidence_of(checked) if fact.signed]
    return sha256(canonical_json({"item": key.value, "evidence": signed}).encode()).hexdigest()
