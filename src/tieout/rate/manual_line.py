"""A line that a person adds to an invoice, a charge or a credit, once another person has approved it.

It becomes a charge whose price is the record itself: key `manual/<id>`, digest of what was recorded.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final

from tieout.contract.price import Flat, Price
from tieout.kernel.canonical import canonical_json
from tieout.kernel.ids import CustomerId, PlanKey, PriceKey, SubscriptionId
from tieout.kernel.instant import Instant, format_instant
from tieout.kernel.money import Money
from tieout.kernel.period import Period
from tieout.kernel.person import is_same_person
from tieout.kernel.quantity import Quantity
from tieout.kernel.rounding import Rounding
from tieout.kernel.working import Step
from tieout.rate.charge import Charge
from tieout.rate.wording import money_text

PREFIX: Final = "manual/"
UNIT: Final = "line"
RULE: Final = "manual-line"
ID_DIGITS: Final = 16


class LineDecision(StrEnum):
    """What a second person says."""

    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class DecidedLine:
    """Who decided, why and when. It is final."""

    decision: LineDecision
    person: str
    reason: str
    decided_at: Instant


@dataclass(frozen=True, slots=True)
class ManualLine:
    """For the customer's billing period `period`; `amount` is below zero for a credit, never zero."""

    id: str
    customer: CustomerId
    period: Period
    amount: Money
    description: str
    tax_category: str
    person: str
    reason: str
    recorded_at: Instant
    decided: DecidedLine | None = None

    @property
    def price(self) -> PriceKey:
        return PriceKey(f"{PREFIX}{self.id}")

    @property
    def is_approved(self) -> bool:
        """By another person than who recorded it."""
        decided = self.decided
        return (
            decided is not None
            and decided.decision is LineDecision.APPROVED
            and not is_same_person(decided.person, self.person)
        )


def line_digest(line: ManualLine) -> str:
    """SHA-256, as hex, of what was recorded: everything but the id and the decision."""
    return sha256(recorded_text(line).encode()).hexdigest()


def line_id_of(line: ManualLine) -> str:
    """`ml_` and the first digits of its digest: the same record has the same id."""
    return f"ml_{line_digest(line)[:ID_DIGITS]}"


def recorded_text(line: ManualLine) -> str:
    """What `line_digest` is taken over."""
    return canonical_json(
        {
            "format": "tieout/manual-line/1",
            "customer": line.customer,
            "start": format_instant(line.period.start),
            "end": format_instant(line.period.end),
            "currency": line.amount.currency.code,
            "amount": line.amount.decimal_text,
            "description": line.description,
            "tax_category": line.tax_category,
            "by": line.person,
            "reason": line.reason,
            "recorded_at": format_instant(line.recorded_at),
        }
    )


def is_manual(price: str) -> bool:
    return price.startswith(PREFIX)


def manual_line_of(price: str) -> str:
    """The id of the line whose price it is."""
    return price.removeprefix(PREFIX)


def manual_charge(
    line: ManualLine, *, subscription: SubscriptionId, plan: PlanKey, plan_version: int
) -> Charge:
    """The subscription and plan are those it stands beside; it asks nothing of them."""
    assert line.is_approved and line.decided is not None, f"{line.id} is not approved"
    amount = line.amount.as_fraction()
    price = Price(
        key=line.price,
        version=1,
        effective_from=line.period.start,
        meter=None,
        currency=line.amount.currency.code,
        description=line.description,
        shape=Flat(amount),
        rounding=Rounding.HALF_AWAY_FROM_ZERO,
        tier_split="restart",
        digest=line_digest(line),
        tax_category=line.tax_category,
    )
    what = "credit" if amount < 0 else "charge"
    text = (
        f"{what} added by {line.person}, approved by {line.decided.person} ({line.id}) = "
        f"{money_text(line.amount)}"
    )
    return Charge(
        subscription=subscription,
        price=price,
        plan=plan,
        plan_version=plan_version,
        snapshot=None,
        period=line.period,
        segment=line.period,
        quantity=Quantity.of(1),
        unit=UNIT,
        amount=amount,
        steps=(Step(rule=RULE, text=text, quantity=None, rate=None, amount=amount),),
    )
