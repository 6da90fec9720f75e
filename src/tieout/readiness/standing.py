"""Where an item stands: what its check says, who has signed that off, and whether it is passed over."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tieout.contract.document import DocumentKind
from tieout.contract.policy import SignerRole
from tieout.contract.signature import Signature, SigningKey
from tieout.kernel.ids import KeyId
from tieout.kernel.instant import Instant
from tieout.readiness.facts import Facts
from tieout.readiness.item import (
    Checked,
    Item,
    ItemKey,
    NotApplicable,
    Open,
    Problem,
    evidence_digest,
    may_pass_over,
)
from tieout.readiness.items import ITEMS
from tieout.readiness.level import governed
from tieout.readiness.override import Override, standing_override


class State(StrEnum):
    """The one word for where an item stands."""

    PASSED = "passed"
    OPEN = "open"
    OVERRIDDEN = "overridden"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True)
class SignOff:
    """Valid signatures over the evidence of an item, as it was when they signed."""

    item: str
    evidence_digest: str
    signatures: tuple[Signature, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """`problems` are those of the check and, where it passed, the roles that have yet to sign off. `stale`:
    roles that signed other evidence than there is now. `signed`: who signed what there is now."""

    item: Item
    checked: Checked
    digest: str
    signed: tuple[Signature, ...]
    missing: tuple[SignerRole, ...]
    stale: tuple[SignerRole, ...]
    problems: tuple[Problem, ...]
    override: Override | None

    @property
    def state(self) -> State:
        if isinstance(self.checked, NotApplicable):
            return State.NOT_APPLICABLE
        if not self.problems:
            return State.PASSED
        return State.OPEN if self.override is None else State.OVERRIDDEN

    @property
    def may_be_overridden(self) -> bool:
        """Whether an override of its problems, as they are now, may be proposed."""
        return bool(self.problems) and may_pass_over(self.item, self.problems)

    @property
    def is_open(self) -> bool:
        return self.state is State.OPEN


def standings(
    facts: Facts,
    sign_offs: Sequence[SignOff],
    overrides: Iterable[Override],
    keys: Mapping[KeyId, SigningKey],
    *,
    now: Instant,
    items: Sequence[Item] = ITEMS,
) -> tuple[Standing, ...]:
    """Every item, in order."""
    known = tuple(overrides)
    return tuple(_standing(item, item.check(facts), sign_offs, known, keys, now) for item in items)


def _standing(
    item: Item,
    checked: Checked,
    sign_offs: Sequence[SignOff],
    overrides: Sequence[Override],
    keys: Mapping[KeyId, SigningKey],
    now: Instant,
) -> Standing:
    digest = evidence_digest(item.key, checked)
    ours = [each for each in sign_offs if each.item == item.key.value]
    current = {
        signature.role: signature
        for each in ours
        if each.evidence_digest == digest
        for signature in each.signatures
        if signature.role in item.roles
    }
    before = {signature.role for each in ours for signature in each.signatures} - current.keys()
    missing = tuple(role for role in item.roles if role not in current)
    stale = tuple(role for role in missing if role in before)
    if isinstance(checked, NotApplicable):
        return Standing(item, checked, digest, (), (), (), (), None)
    problems = checked.problems if isinstance(checked, Open) else _unsigned(item.key, missing, stale)
    override = standing_override(overrides, item, problems, keys, now=now) if problems else None
    signed = tuple(current[role] for role in item.roles if role in current)
    return Standing(item, checked, digest, signed, missing, stale, problems, override)


def _unsigned(
    key: ItemKey, missing: Sequence[SignerRole], stale: Collection[SignerRole]
) -> tuple[Problem, ...]:
    return tuple(
        Problem(
            f"{role.value} signed other evidence than there is now"
            if role in stale
            else f"not signed off by {role.value}",
            f"tieout readiness sign {key.value} --role {role.value}",
        )
        for role in missing
    )


def refusing(
    found: Iterable[Standing], kinds: Collection[DocumentKind], *, by_correction: bool = False
) -> tuple[Standing, ...]:
    """The open items that refuse documents of these kinds: all but those that they would mend. None where
    nothing among them is for an item to refuse. `by_correction`: an approved report applies them."""
    asked = governed(kinds)
    if not asked:
        return ()
    return tuple(
        each
        for each in found
        if each.is_open
        and not asked <= each.item.remedies
        and not (by_correction and each.item.mended_by_correction)
    )
