"""The types of dispute: what each is about, to whom it goes, and how long it may take. One table.

Questions about evidence and about what the customer has told us are answered by ops; what may be a defect of
ours, of data or of the way they take, goes to engineering.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tieout.correction.credit import CreditKind
from tieout.dispute.role import Role


class DisputeType(StrEnum):
    EVIDENCE = "evidence"
    PRICE = "price"
    SERVICE = "service"
    CUSTOMER_DETAILS = "customer-details"
    DATA = "data"
    WORKFLOW = "workflow"


@dataclass(frozen=True, slots=True)
class TypeRule:
    """`respond_days` and `decide_days` are whole days on the customer's calendar after the day of opening;
    `credit` says how what is given back counts (see `tieout invoice credit --kind`)."""

    meaning: str
    routed_to: Role
    respond_days: int
    decide_days: int
    credit: CreditKind


RULES: Final[Mapping[DisputeType, TypeRule]] = {
    DisputeType.EVIDENCE: TypeRule(
        "what the amount is made of is not seen, or not believed", Role.OPS, 2, 10, "billing-error"
    ),
    DisputeType.PRICE: TypeRule("another price was agreed", Role.OPS, 2, 14, "billing-error"),
    DisputeType.SERVICE: TypeRule("the service was not what was agreed", Role.OPS, 2, 14, "goodwill"),
    DisputeType.CUSTOMER_DETAILS: TypeRule(
        "the customer, its details or its contract had changed before", Role.OPS, 2, 10, "billing-error"
    ),
    DisputeType.DATA: TypeRule(
        "usage was counted that was not, or not so: repeated, lost, wrong, another's",
        Role.ENGINEERING,
        1,
        21,
        "billing-error",
    ),
    DisputeType.WORKFLOW: TypeRule(
        "it was billed at the wrong time, twice, or after the end", Role.ENGINEERING, 1, 21, "billing-error"
    ),
}
UPDATE_DAYS: Final = 7
"""While records conflict, the customer hears from ops at least so often."""
