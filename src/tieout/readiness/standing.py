"""Where an item stands: what its check says, who has signed that off, and whether it is passed over."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations, product

from tieout.contract.document import DocumentKind
from tieout.contract.policy import SignerRole
from tieout.contract.signature import Signature, SigningKey
from tieout.kernel.ids import KeyId
from tieout.kernel.instant import Instant
from tieout.kernel.person import same_person
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
    """`problems` are those of the check and, where it passed, the roles that have yet to sign off, and those
    for which one person signed. `stale`: roles that signed other evidence than there is now. `signed`: who
    signed what there is now."""

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
    current = _by_different_people(
        item,
        [each for found in ours if found.evidence_digest == digest for each in found.signatures],
        keys,
    )
    before = {signature.role for each in ours for signature in each.signatures} - current.keys()
    missing = tuple(role for role in item.roles if role not in current)
    stale = tuple(role for role in missing if role in before)
    if isinstance(checked, NotApplicable):
        return Standing(item, checked, digest, (), (), (), (), None)
    signed = tuple(current[role] for role in item.roles if role in current)
    problems = (
        checked.problems
        if isinstance(checked, Open)
        else (*_unsigned(item.key, missing, stale), *_by_one_person(item.key, signed, keys))
    )
    override = standing_override(overrides, item, problems, keys, now=now) if problems else None
    return Standing(item, checked, digest, signed, missing, stale, problems, override)


def _by_different_people(
    item: Item, signatures: Sequence[Signature], keys: Mapping[KeyId, SigningKey]
) -> dict[SignerRole, Signature]:
    """Of each role the last one; where a role has several, such that nobody signs for two."""
    by_role: dict[SignerRole, dict[tuple[str, KeyId], Signature]] = {role: {} for role in item.roles}
    for each in signatures:
        if each.role in by_role:
            by_role[each.role][same_person(each.person), each.key_id] = each
    choices = [[*reversed(found.values())] for found in by_role.values() if found]
    for chosen in product(*choices):
        if not any(_is_one(first, second, keys) for first, second in combinations(chosen, 2)):
            return {each.role: each for each in chosen}
    return {found[0].role: found[0] for found in choices}


def _is_one(first: Signature, second: Signature, keys: Mapping[KeyId, SigningKey]) -> bool:
    if same_person(first.person) == same_person(second.person):
        return True
    return keys[first.key_id].public_key == keys[second.key_id].public_key


def _by_one_person(
    key: ItemKey, signed: Sequence[Signature], keys: Mapping[KeyId, SigningKey]
) -> tuple[Problem, ...]:
    return tuple(
        Problem(
            f"{first.person} signed for {first.role.value}, and {second.person} for {second.role.value}: one "
            "person or key for two roles",
            f"have another person sign: tieout readiness sign {key.value} --role {second.role.value}",
        )
        for first, second in combinations(signed, 2)
        if _is_one(first, second, keys)
    )


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
