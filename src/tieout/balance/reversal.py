"""What a voided paper moved is taken back, movement by movement: as if it had never moved."""

from __future__ import annotations

from collections.abc import Iterable

from tieout.balance.movement import Movement, MovementKind
from tieout.kernel.instant import Instant

REVERSED = "reversed/"


def reversal(movement: Movement, *, at: Instant, person: str, reason: str) -> Movement:
    """Takes the movement back. It counts from the same instant on, so that no balance in between is off."""
    return Movement(
        id=f"{REVERSED}{movement.id}",
        customer=movement.customer,
        account=movement.account,
        kind=MovementKind.REVERSED,
        amount=-movement.amount,
        effective_at=movement.effective_at,
        reason=reason,
        invoice=movement.invoice,
        person=person,
        details=movement.details,
        recorded_at=at,
    )


def standing_movements(movements: Iterable[Movement]) -> tuple[Movement, ...]:
    """Without those that were taken back, and without what took them back."""
    given = tuple(movements)
    gone = {each.id.removeprefix(REVERSED) for each in given if each.kind is MovementKind.REVERSED}
    if not gone:
        return given
    return tuple(each for each in given if each.kind is not MovementKind.REVERSED and each.id not in gone)
