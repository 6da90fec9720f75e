"""When an open item is passed over: product, finance and ops have signed exactly its problems, with three
keys, three people and none of them the proposer, and it has not run out.

Failed replays, disputes without evidence, totals that finance cannot reproduce and unapproved backfills are
never passed over, whatever was signed; that nothing was replayed or sealed yet may be, or a new home could
never change anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tieout.contract.policy import PolicyRole
from tieout.contract.signature import Signature, SigningKey, signed_for_each
from tieout.kernel.ids import KeyId
from tieout.kernel.instant import HOUR_MICROSECONDS, Instant
from tieout.kernel.person import is_same_person
from tieout.readiness.item import Item, Problem, may_pass_over

OVERRIDE_DAYS_MAX: Final = 92
"""A quarter: what should stand longer is to be mended."""
OVERRIDE_MICROSECONDS_MAX: Final = OVERRIDE_DAYS_MAX * 24 * HOUR_MICROSECONDS


@dataclass(frozen=True, slots=True)
class Override:
    """What was proposed for an item, with the valid signatures so far."""

    digest: str
    item: str
    problems: tuple[str, ...]
    reason: str
    proposer: str
    proposed_at: Instant
    until: Instant
    signatures: tuple[Signature, ...]


def complete(found: Override, keys: Mapping[KeyId, SigningKey]) -> tuple[Signature, ...] | None:
    """Three of its signatures, by role, with three keys and three people other than the proposer."""
    others = [each for each in found.signatures if not is_same_person(each.person, found.proposer)]
    return signed_for_each(others, tuple(PolicyRole), keys)


def passes_over(
    found: Override,
    item: Item,
    problems: Sequence[Problem],
    keys: Mapping[KeyId, SigningKey],
    *,
    now: Instant,
) -> bool:
    """Whether it stands for this item as it is open now: no problem may be new since it was signed."""
    if not may_pass_over(item, problems) or found.item != item.key.value:
        return False
    if not found.proposed_at <= now < found.until:
        return False
    if found.until - found.proposed_at > OVERRIDE_MICROSECONDS_MAX:
        return False
    return {each.what for each in problems} <= set(found.problems) and complete(found, keys) is not None


def standing_override(
    overrides: Iterable[Override],
    item: Item,
    problems: Sequence[Problem],
    keys: Mapping[KeyId, SigningKey],
    *,
    now: Instant,
) -> Override | None:
    """The one that lasts longest of those that stand."""
    standing = [each for each in overrides if passes_over(each, item, problems, keys, now=now)]
    return max(standing, key=lambda each: (each.until, each.digest), default=None)
