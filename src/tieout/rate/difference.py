"""A correction: what is asked now beyond what was settled, as the difference of two ratings.

It is never rated by itself: tiers, packages and minimums do not work on a difference of usage. So original
and correction together are always what rating everything again gives, whatever the price.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tieout.kernel.quantity import QUANTITY_ZERO, Quantity
from tieout.kernel.rational import Exact, exact_text
from tieout.kernel.working import Step, Working
from tieout.rate.charge import Charge


@dataclass(frozen=True, slots=True)
class Difference:
    """Units and exact amount that are asked beyond what was charged; negative for a credit. `steps` take back
    the working that no longer holds, then give the one that does; they add up to both."""

    quantity: Quantity
    amount: Exact
    steps: Working


def difference(*, charged: Sequence[Charge], asked: Sequence[Charge]) -> Difference:
    """What `asked` asks beyond what was `charged`, of one subscription, price and segment.

    Each is one charge, or one for each group. A step that is in both is in neither working of the difference.
    """
    kept = list(_steps(asked))
    taken_back: list[Step] = []
    for step in _steps(charged):
        if step in kept:
            kept.remove(step)
        else:
            taken_back.append(_taken_back(step))
    return Difference(
        _quantity(asked) - _quantity(charged), _amount(asked) - _amount(charged), (*taken_back, *kept)
    )


def negated(found: Difference) -> Difference:
    """What undoes it."""
    return Difference(-found.quantity, -found.amount, tuple(map(_taken_back, found.steps)))


def _steps(charges: Iterable[Charge]) -> Iterable[Step]:
    return (step for charge in charges for step in charge.steps)


def _taken_back(step: Step) -> Step:
    quantity = None if step.quantity is None else exact_text(-Exact(step.quantity))
    return replace(step, text=f"taken back: {step.text}", quantity=quantity, amount=-step.amount)


def _quantity(charges: Iterable[Charge]) -> Quantity:
    return sum((charge.quantity for charge in charges), QUANTITY_ZERO)


def _amount(charges: Iterable[Charge]) -> Exact:
    return sum((charge.amount for charge in charges), Exact(0))
