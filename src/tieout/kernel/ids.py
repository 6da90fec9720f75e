"""Identities are typed texts, so that a customer is never passed where a subject is meant.

None is made up here: ids are derived from content or given by people.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NewType

from tieout.kernel.errors import Refusal, shown

HomeId = NewType("HomeId", str)
TEST_CLOCK_HOME = "home_testclock_"
"""Ids of homes that were made with a test clock begin so: whatever names the home says what it is."""

EventType = NewType("EventType", str)
SourceName = NewType("SourceName", str)
Subject = NewType("Subject", str)

MeterKey = NewType("MeterKey", str)
PriceKey = NewType("PriceKey", str)
PlanKey = NewType("PlanKey", str)
CouponKey = NewType("CouponKey", str)
TaxKey = NewType("TaxKey", str)
ProgramKey = NewType("ProgramKey", str)
SellerKey = NewType("SellerKey", str)
SourceKey = NewType("SourceKey", str)
PolicyKey = NewType("PolicyKey", str)
NoticeTargetKey = NewType("NoticeTargetKey", str)
CustomerId = NewType("CustomerId", str)
SubscriptionId = NewType("SubscriptionId", str)

InvoiceId = NewType("InvoiceId", str)
LineId = NewType("LineId", str)
AlertKey = NewType("AlertKey", str)
ChargeControlKey = NewType("ChargeControlKey", str)
BudgetKey = NewType("BudgetKey", str)

KeyId = NewType("KeyId", str)
NoticeId = NewType("NoticeId", str)

Watermark = NewType("Watermark", int)
"""A batch number; "as of W" is what the log said at the end of batch W. 0 is the empty log."""

_POSITION = re.compile(r"b([0-9]{1,18})\.r([0-9]{1,9})\Z", re.ASCII)


class MalformedPosition(Refusal):
    """The text names no place in the log."""

    code = "malformed-position"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f"{shown(self.text)} is not a position such as b61.r5."


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """An accepted event's place in the log: batch, then row. Total order; never reused. Text: `b61.r5`."""

    batch: int
    row: int

    @classmethod
    def parse(cls, text: str) -> Position:
        """Reads `b61.r5`. Raises `MalformedPosition`."""
        match = _POSITION.match(text)
        if match is None:
            raise MalformedPosition(text)
        return cls(int(match.group(1)), int(match.group(2)))

    def __str__(self) -> str:
        return f"b{self.batch}.r{self.row}"
