"""A grant is prepaid money of a customer: bought or given, with an order, an end, and what it may pay for."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tieout.balance.movement import Movement, MovementKind, balances, in_order
from tieout.kernel.canonical import JsonNumber, JsonValue, canonical_json
from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.ids import CustomerId, PlanKey, PriceKey
from tieout.kernel.instant import Instant, format_instant, parse_instant
from tieout.kernel.money import Money

WALLET = "wallet/"
PRIORITY_MAX = 1_000


class GrantKind(StrEnum):
    """PAID was bought; PROMOTIONAL was given."""

    PAID = "paid"
    PROMOTIONAL = "promotional"


class MalformedGrant(IntegrityViolation):
    """A stored movement that granted something and does not say what."""

    code = "malformed-grant"

    def __init__(self, movement: Movement, why: str) -> None:
        super().__init__(f"The details of movement {movement.id} cannot be read: {why}.")


@dataclass(frozen=True, slots=True)
class Grant:
    """`amount` positive; usable in `[effective_at, expires_at)`, for ever where `expires_at` is None.

    Lower `priority` goes first. With `prices` or `plans` it pays only for lines of one of them.
    """

    id: str
    customer: CustomerId
    amount: Money
    kind: GrantKind
    priority: int
    effective_at: Instant
    expires_at: Instant | None
    prices: tuple[PriceKey, ...] = ()
    plans: tuple[PlanKey, ...] = ()

    @property
    def account(self) -> str:
        return f"{WALLET}{self.id}"

    @property
    def restricted(self) -> bool:
        return bool(self.prices or self.plans)

    def usable_at(self, instant: Instant) -> bool:
        return self.effective_at <= instant and (self.expires_at is None or instant < self.expires_at)

    def pays_for(self, price: PriceKey, plan: PlanKey) -> bool:
        return not self.restricted or price in self.prices or plan in self.plans


@dataclass(frozen=True, slots=True)
class HeldGrant:
    """A grant and what is left of it, in minor units."""

    grant: Grant
    left: int


def granted(grant: Grant, *, person: str, reason: str) -> Movement:
    """The movement that makes the grant."""
    details: dict[str, JsonValue] = {
        "kind": grant.kind.value,
        "priority": JsonNumber(str(grant.priority)),
        "expires_at": None if grant.expires_at is None else format_instant(grant.expires_at),
        "prices": list(grant.prices),
        "plans": list(grant.plans),
    }
    return Movement(
        id=f"grant/{grant.id}",
        customer=grant.customer,
        account=grant.account,
        kind=MovementKind.GRANTED,
        amount=grant.amount,
        effective_at=grant.effective_at,
        reason=reason,
        person=person,
        details=canonical_json(details),
    )


def voided(held: HeldGrant, *, at: Instant, person: str, reason: str) -> Movement:
    """The movement that takes back what is left."""
    grant = held.grant
    return Movement(
        id=f"void/{grant.id}",
        customer=grant.customer,
        account=grant.account,
        kind=MovementKind.VOIDED,
        amount=Money(-held.left, grant.amount.currency),
        effective_at=max(at, grant.effective_at),
        reason=reason,
        person=person,
    )


def held_grants(movements: Iterable[Movement]) -> list[HeldGrant]:
    """Every grant with what all its movements leave, by effective instant and id."""
    ordered = in_order(movements)
    left = balances(ordered)
    return [
        HeldGrant(grant, left[grant.account])
        for grant in (_grant_of(each) for each in ordered if each.kind is MovementKind.GRANTED)
    ]


def due_expiries(movements: Iterable[Movement], *, at: Instant) -> list[Movement]:
    """What expired by `at` and is not recorded yet. It counts all the same: recording it moves no balance."""
    return [
        Movement(
            id=f"expiry/{held.grant.id}",
            customer=held.grant.customer,
            account=held.grant.account,
            kind=MovementKind.EXPIRED,
            amount=Money(-held.left, held.grant.amount.currency),
            effective_at=held.grant.expires_at,
            reason=f"expired at {format_instant(held.grant.expires_at)}",
        )
        for held in held_grants(movements)
        if held.left > 0 and held.grant.expires_at is not None and held.grant.expires_at <= at
    ]


def _grant_of(movement: Movement) -> Grant:
    try:
        members = json.loads(movement.details)
        expires_at = members["expires_at"]
        return Grant(
            id=movement.account.removeprefix(WALLET),
            customer=movement.customer,
            amount=movement.amount,
            kind=GrantKind(members["kind"]),
            priority=int(members["priority"]),
            effective_at=movement.effective_at,
            expires_at=None if expires_at is None else parse_instant(expires_at),
            prices=tuple(PriceKey(key) for key in members["prices"]),
            plans=tuple(PlanKey(key) for key in members["plans"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise MalformedGrant(movement, f"{type(error).__name__}: {error}") from error
