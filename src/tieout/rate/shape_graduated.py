"""Graduated: each unit is priced in its tier. Units up to and including `up_to`; the rest go on.

A tier's flat amount is due once usage enters the tier; the first one is entered at zero (as Stripe bills it).
Negative usage is credited at the first tier's rate, and the step says so: it is never clamped to zero.

A tier that usage leaves costs the same whatever lies above it. So the steps of the tiers passed are made once
for a price, and each charge makes those of the tier in which its usage ends.
"""

from __future__ import annotations

from dataclasses import dataclass

from tieout.contract.price import Graduated, Tier
from tieout.kernel.quantity import ATOMS_PER_UNIT, QUANTITY_ZERO, Quantity
from tieout.kernel.rational import Exact, exact_text
from tieout.kernel.working import Step, Working
from tieout.rate.memory import ByIdentity
from tieout.rate.wording import amount_text, grouped, rate_text, usage_text


def working(shape: Graduated, quantity: Quantity, *, unit: str, currency: str) -> Working:
    """A step for the units of each tier entered, and for each flat amount; quantities add up to the usage."""
    atoms = quantity.atoms
    for rung in _LADDERS.of(shape, unit, currency):
        if rung.upper_atoms is None or atoms <= rung.upper_atoms:
            units = _units_step(rung, atoms - rung.lower_atoms, unit, currency)
            return (*rung.passed, units, *rung.entered)
    raise AssertionError("the last tier is open")


@dataclass(frozen=True, slots=True)
class Rung:
    """A tier as usage that ends in it sees it: the steps of all tiers below, how its own units are worded,
    and the step of its flat amount, if it has one."""

    ordinal: int
    lower_atoms: int
    upper_atoms: int | None
    passed: Working
    entered: Working
    rate: Exact
    rate_text: str
    above: str
    exact_rate: str


def _ladder(shape: Graduated, unit: str, currency: str) -> tuple[Rung, ...]:
    rungs: list[Rung] = []
    passed: Working = ()
    lower = QUANTITY_ZERO
    for ordinal, tier in enumerate(shape.tiers, start=1):
        flat = () if tier.flat_amount == 0 else (_flat_step(ordinal, lower, tier, unit, currency),)
        rate = tier.unit_amount / shape.per
        rung = Rung(
            ordinal=ordinal,
            lower_atoms=lower.atoms,
            upper_atoms=None if tier.up_to is None else tier.up_to.atoms,
            passed=passed,
            entered=flat,
            rate=rate,
            rate_text=rate_text(tier.unit_amount, shape.per, currency),
            above="" if ordinal == 1 else f" (above {grouped(str(lower))})",
            exact_rate=exact_text(rate),
        )
        rungs.append(rung)
        if tier.up_to is not None:
            passed = (*passed, _units_step(rung, (tier.up_to - lower).atoms, unit, currency), *flat)
            lower = tier.up_to
    return tuple(rungs)


_LADDERS = ByIdentity(_ladder)


def _units_step(rung: Rung, atoms: int, unit: str, currency: str) -> Step:
    amount = Exact(atoms * rung.rate.numerator, ATOMS_PER_UNIT * rung.rate.denominator)
    units = str(Quantity(atoms))
    used = f"{grouped(units)} {unit}"
    if atoms < 0:
        words = f"{used} at {rung.rate_text} (negative usage goes at the first tier's rate)"
    else:
        words = f"{'first' if rung.ordinal == 1 else 'next'} {used}{rung.above} at {rung.rate_text}"
    text = f"{words} = {amount_text(amount, currency)}"
    return Step(f"tier-{rung.ordinal}", text, units, rung.exact_rate, amount)


def _flat_step(ordinal: int, lower: Quantity, tier: Tier, unit: str, currency: str) -> Step:
    above = "" if ordinal == 1 else f" (above {usage_text(lower, unit)})"
    text = f"fixed amount of tier {ordinal}{above} = {amount_text(tier.flat_amount, currency)}"
    return Step(rule=f"tier-{ordinal}-flat", text=text, quantity=None, rate=None, amount=tier.flat_amount)
