"""A movement is one recorded change of one balance. A balance is the sum of its movements, and nothing
else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tieout.kernel.ids import CustomerId, InvoiceId
from tieout.kernel.instant import Instant
from tieout.kernel.money import Money


class MovementKind(StrEnum):
    """Why a balance moved. Grants of a wallet, commitments, and fees billed in advance have their own
    words; what a voided paper moved is reversed."""

    GRANTED = "granted"
    USED = "used"
    EXPIRED = "expired"
    VOIDED = "voided"
    TOP_UP_REQUESTED = "top-up-requested"
    COMMITTED = "committed"
    DRAWN = "drawn"
    TRUED_UP = "trued-up"
    LAPSED = "lapsed"
    METERED = "metered"
    BILLED = "billed"
    EARNED = "earned"
    CREDITED = "credited"
    REVERSED = "reversed"


@dataclass(frozen=True, slots=True)
class Movement:
    """`amount` is added to the balance of `account`; below zero it is taken from it.

    `id` is derived from what moved it, so that nothing is recorded twice. `effective_at` says since when it
    counts; `recorded_at` is None until it is written. `invoice` is the one it was sealed with; `person`
    whoever decided it. `details` is canonical JSON.
    """

    id: str
    customer: CustomerId
    account: str
    kind: MovementKind
    amount: Money
    effective_at: Instant
    reason: str
    invoice: InvoiceId | None = None
    person: str | None = None
    details: str = "{}"
    recorded_at: Instant | None = None


def in_order(movements: Iterable[Movement]) -> list[Movement]:
    """By instant, those of one instant by id: the order in which they were recorded does not matter."""
    return sorted(movements, key=lambda movement: (movement.effective_at, movement.id))


def balances(movements: Iterable[Movement], *, at: Instant | None = None) -> dict[str, int]:
    """Minor units by account, of all movements or of those that count at `at`. An account has one
    currency."""
    found: dict[str, int] = {}
    for movement in movements:
        if at is None or movement.effective_at <= at:
            found[movement.account] = found.get(movement.account, 0) + movement.amount.minor
    return found


def balance(movements: Iterable[Movement], account: str) -> int:
    """Minor units of one account."""
    return sum(movement.amount.minor for movement in movements if movement.account == account)
