"""[[subscription.commitment]]: key, kind, amount, from, until; of a minimum also billing, rollover,
rollover_cap, overage_rate."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from tieout.contract.reading.table import TableReader
from tieout.contract.subscription import Commitment
from tieout.kernel.limits import COMMITMENTS_MAX
from tieout.kernel.rational import Exact, exact_text


class KindName(StrEnum):
    """At least, or at most."""

    MINIMUM = "minimum"
    MAXIMUM = "maximum"


class BillingName(StrEnum):
    """When a minimum is due."""

    EACH_PERIOD = "each_period"
    END_OF_TERM = "end_of_term"
    UPFRONT = "upfront"


BILLING: dict[BillingName, Literal["each_period", "end_of_term", "upfront"]] = {
    BillingName.EACH_PERIOD: "each_period",
    BillingName.END_OF_TERM: "end_of_term",
    BillingName.UPFRONT: "upfront",
}
ONLY_MINIMUM = ("billing", "rollover", "rollover_cap", "overage_rate")


def read_commitments(reader: TableReader) -> tuple[Commitment, ...]:
    """Every key once. Whether the amounts exist in the customer's currency is for the rules to say."""
    found = tuple(_commitment(inner) for inner in reader.tables("commitment"))
    if len(found) > COMMITMENTS_MAX:
        reader.problem("commitment", f"has {len(found)} entries; at most {COMMITMENTS_MAX} are allowed")
    keys = [each.key for each in found]
    for place, key in enumerate(keys):
        if key and key in keys[:place]:
            reader.problem(f"commitment[{place}].key", f"{key!r} is taken by a commitment before it")
    return found


def _commitment(reader: TableReader) -> Commitment:
    kind = reader.choice("kind", KindName)
    if kind is KindName.MAXIMUM:
        for name in ONLY_MINIMUM:
            if reader.has(name):
                reader.problem(name, "means nothing for a maximum")
    billing = reader.choice("billing", BillingName, default=BillingName.END_OF_TERM)
    found = Commitment(
        key=reader.reference("key"),
        kind="minimum" if kind is KindName.MINIMUM else "maximum",
        amount=_above_zero(reader, "amount"),
        start=reader.instant("from"),
        end=reader.instant("until"),
        billing=BILLING[billing],
        rollover=reader.boolean("rollover", default=False),
        rollover_cap=_above_zero(reader, "rollover_cap") if reader.has("rollover_cap") else None,
        overage_rate=reader.exact("overage_rate", default=Exact(1)),
    )
    if kind is KindName.MINIMUM and not reader.has("billing"):
        reader.problem("billing", f"is missing: one of {', '.join(BillingName)}")
    if found.end <= found.start:
        reader.problem("until", "is not after from")
    if found.rollover and found.billing != "each_period":
        reader.problem("rollover", 'needs billing = "each_period": otherwise the whole term is one')
    if found.rollover_cap is not None and not found.rollover:
        reader.problem("rollover_cap", "needs rollover = true")
    if found.overage_rate < 0:
        reader.problem("overage_rate", f"{exact_text(found.overage_rate)} is negative")
    reader.finish()
    return found


def _above_zero(reader: TableReader, name: str) -> Exact:
    amount = reader.exact(name)
    if amount <= 0:
        reader.problem(name, f"{exact_text(amount)} is not above zero")
    return amount
