"""Fees in advance whose price was wrong: what the right version asks for each line whose time is over.

A fee whose time is not over needs nothing here: the invoice of that time gives it back in whole, and asks
for the right one. One that was given back in whole is done with; of one that was given back in part, the part
that was kept and the part that was given back would both have to be rated again, so a person credits it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tieout.balance.fee import ADVANCE, fee_line
from tieout.balance.movement import Movement, MovementKind
from tieout.contract.catalog import Catalog
from tieout.contract.price import Price
from tieout.correction.settled import SettledLine
from tieout.kernel.errors import IntegrityViolation, Refusal
from tieout.kernel.ids import LineId
from tieout.rate.charge import Charge
from tieout.rate.rate import rate
from tieout.rate.terms import parse_terms


class FeePartlyGivenBack(Refusal):
    """A fee in advance that a plan or quantity change gave back in part: it is not rated again."""

    code = "fee-partly-given-back"

    def __init__(self, line: LineId, number: str) -> None:
        super().__init__(
            f"Line {line} of {number} is a fee in advance that was given back in part later: its price is "
            "not corrected by rating it again. Credit what was too much with `tieout invoice credit --kind "
            "billing-error`, or add what is due as a line that is approved."
        )


class PlanGone(IntegrityViolation):
    """The plan version behind a sealed fee is not in the catalog."""

    code = "plan-gone"

    def __init__(self, fee: SettledLine) -> None:
        super().__init__(f"Plan {fee.plan} v{fee.plan_version} behind line {fee.line.line} is missing.")


def corrected_fees(
    catalog: Catalog, fees: Sequence[Sequence[SettledLine]], movements: Sequence[Movement]
) -> list[tuple[Charge, Sequence[SettledLine]]]:
    """Those whose price version is superseded and whose time is over, each as the right version asks for it,
    with the lines that settled it. `movements` are the customer's that stand. Raises `FeePartlyGivenBack`."""
    of_fees = {(each.kind, fee_line(each)): each for each in movements if each.account.startswith(ADVANCE)}
    found = []
    for settled in fees:
        fee = settled[-1]
        price = _right(catalog, fee.price)
        if price.version == fee.price.version or not _is_kept(settled[0], of_fees):
            continue
        plan = catalog.plans.version(fee.plan, fee.plan_version)
        if plan is None:
            raise PlanGone(fee)
        charge = rate(
            None,
            price,
            plan=plan,
            subscription=fee.scope.subscription,
            period=fee.period,
            segment=fee.segment,
            program=fee.program,
            terms=parse_terms(fee.terms),
        )
        found.append((charge, settled))
    return found


def _right(catalog: Catalog, price: Price) -> Price:
    """The version that stands in its place, after as many corrections as there were."""
    by_wrong = {each.supersedes: each for each in catalog.prices.versions(price.key)}
    while (better := by_wrong.get(price.version)) is not None:
        price = better
    return price


def _is_kept(fee: SettledLine, movements: Mapping[tuple[MovementKind, LineId], Movement]) -> bool:
    """Whether its time is over, and it was not given back. Raises `FeePartlyGivenBack`."""
    name = fee.line.line
    if (MovementKind.BILLED, name) not in movements:
        return True  # billed with its own period
    earned, back = (movements.get((kind, name)) for kind in (MovementKind.EARNED, MovementKind.CREDITED))
    if earned is None:
        return False
    if back is not None and earned.amount.minor:
        raise FeePartlyGivenBack(name, fee.line.number)
    return back is None
