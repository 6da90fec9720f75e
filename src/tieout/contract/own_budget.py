"""What a customer itself means to spend in one billing period. Its own alerts are measured by it; nothing of
the operator's is, so that no customer moves the limit that it is held by."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant
from tieout.kernel.rational import Exact


@dataclass(frozen=True, slots=True)
class OwnBudget:
    """`amount` of `currency` for each billing period."""

    customer: CustomerId
    version: int
    effective_from: Instant
    currency: str
    amount: Exact
