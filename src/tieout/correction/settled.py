"""What sealed papers settled for the scopes of one period: the original, what came before it, and every
correction since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tieout.contract.price import Price
from tieout.contract.program import Program
from tieout.invoice.earlier import EarlierLine, Scope
from tieout.kernel.ids import PlanKey
from tieout.kernel.money import Money
from tieout.kernel.period import Period
from tieout.rate.charge import GroupName


@dataclass(frozen=True, slots=True)
class SettledLine:
    """A line of a sealed paper, and what it was for: enough to say of its scope that nothing is asked for it
    any more."""

    scope: Scope
    line: EarlierLine
    price: Price
    plan: PlanKey
    plan_version: int
    period: Period
    segment: Period
    group: GroupName
    unit: str
    program: Program | None
    terms: str | None = None
    is_credit: bool = False
    """Whether it gave back a billing error: it counts in money, never in quantity."""

    @property
    def amount(self) -> Money:
        return self.line.amount


def by_scope(lines: Iterable[SettledLine]) -> Mapping[Scope, tuple[SettledLine, ...]]:
    """In the order given, which is that of sealing: the first of each is the original."""
    found: dict[Scope, list[SettledLine]] = {}
    for line in lines:
        found.setdefault(line.scope, []).append(line)
    return {scope: tuple(each) for scope, each in found.items()}
