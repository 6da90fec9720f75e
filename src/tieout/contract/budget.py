"""What a customer means to spend in one billing period; alerts and charge controls may be measured by it."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.kernel.ids import BudgetKey, CustomerId
from tieout.kernel.instant import Instant
from tieout.kernel.rational import Exact


@dataclass(frozen=True, slots=True)
class Budget:
    """`amount` of the customer's currency for each billing period. One budget a customer holds at a time."""

    key: BudgetKey
    version: int
    effective_from: Instant
    customer: CustomerId
    currency: str
    amount: Exact
    digest: str
