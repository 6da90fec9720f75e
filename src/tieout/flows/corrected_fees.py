"""Fees in advance whose price was wrong: what the right version asks for each line whose time is over.

A fee whose time is not over needs nothing here: the invoice of that time gives it back in whole, and asks
for the right one. One that was given back in whole is done with. Of one that was given back in part, the
lines that gave it back are worked out again too (`corrected_refunds`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tieout.balance.fee import ADVANCE, fee_line
from tieout.balance.movement import Movement, MovementKind
from tieout.contract.catalog import Catalog
from tieout.contract.plan import Plan
from tieout.contract.price import Price
from tieout.correction.settled import SettledLine
from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.ids import InvoiceId, LineId
from tieout.rate.charge import Charge
from tieout.rate.rate import rate
from tieout.rate.terms import parse_terms

Settled = tuple[SettledLine, ...]
"""A line, and what corrected it since."""


class PlanGone(IntegrityViolation):
    """The plan version behind a sealed fee is not in the catalog."""

    code = "plan-gone"

    def __init__(self, fee: SettledLine) -> None:
        super().__init__(f"Plan {fee.plan} v{fee.plan_version} behind line {fee.line.line} is missing.")


@dataclass(frozen=True, slots=True)
class CorrectedFee:
    """`charge` is what the right version asks, `settled` the lines that settled the fee, `given_back` those
    that gave back parts of it. `is_told`: its line is made though it comes to the same, since the parts that
    were given back are shares of the exact amount, which is another."""

    charge: Charge
    settled: Settled
    given_back: tuple[Settled, ...]
    is_told: bool


def corrected_fees(
    catalog: Catalog,
    fees: Sequence[Settled],
    given_back: Sequence[Settled],
    movements: Sequence[Movement],
) -> list[CorrectedFee]:
    """Those whose price version is superseded and whose time is over, and of which something was kept.
    `given_back` are all lines of the customer that gave back a fee, `movements` its own that stand."""
    of_fees = {(each.kind, fee_line(each)): each for each in movements if each.account.startswith(ADVANCE)}
    found = []
    for settled in fees:
        fee = settled[-1]
        price = right_price(catalog, fee.price)
        if price.version == fee.price.version or not _is_kept(settled[0], of_fees):
            continue
        plan = catalog.plans.version(fee.plan, fee.plan_version)
        if plan is None:
            raise PlanGone(fee)
        charge = _rated(fee, price, plan)
        back = of_fees.get((MovementKind.CREDITED, settled[0].line.line))
        parts = () if back is None else _parts_of(settled[0], given_back, back.invoice)
        is_told = bool(parts) and _differs(charge, _rated(fee, fee.price, plan))
        found.append(CorrectedFee(charge, settled, parts, is_told))
    return found


def _rated(fee: SettledLine, price: Price, plan: Plan) -> Charge:
    """Its segment, terms and share stay."""
    return rate(
        None,
        price,
        plan=plan,
        subscription=fee.scope.subscription,
        period=fee.period,
        segment=fee.segment,
        program=fee.program,
        terms=parse_terms(fee.terms),
    )


def _differs(right: Charge, wrong: Charge) -> bool:
    return (right.amount, right.price.rounding) != (wrong.amount, wrong.price.rounding)


def right_price(catalog: Catalog, price: Price) -> Price:
    """The version that stands in its place, after as many corrections as there were."""
    by_wrong = {each.supersedes: each for each in catalog.prices.versions(price.key)}
    while (better := by_wrong.get(price.version)) is not None:
        price = better
    return price


def _is_kept(fee: SettledLine, movements: Mapping[tuple[MovementKind, LineId], Movement]) -> bool:
    """Whether its time is over, and it was not given back in whole."""
    name = fee.line.line
    if (MovementKind.BILLED, name) not in movements:
        return True  # billed with its own period
    earned, back = (movements.get((kind, name)) for kind in (MovementKind.EARNED, MovementKind.CREDITED))
    if earned is None:
        return False
    return back is None or earned.amount.minor != 0


def _parts_of(
    fee: SettledLine, given_back: Sequence[Settled], paper: InvoiceId | None
) -> tuple[Settled, ...]:
    """The lines of that paper which gave back parts of the fee, as the fee was billed."""
    return tuple(
        lines
        for lines in given_back
        if lines[0].line.invoice == paper
        and _key(lines[0]) == _key(fee)
        and fee.segment.contains(lines[0].segment.start)
    )


def _key(line: SettledLine) -> tuple[object, ...]:
    return line.scope.subscription, line.price.key, line.price.version, line.terms
