"""A fee billed in advance: what was asked for it, for which stretch, and what of it the period then did
not use."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tieout.balance.movement import Movement, MovementKind
from tieout.kernel.canonical import JsonNumber, canonical_json
from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.ids import CustomerId, InvoiceId, LineId, PlanKey, PriceKey, SubscriptionId
from tieout.kernel.instant import Instant, format_instant, parse_instant
from tieout.kernel.money import Money
from tieout.kernel.period import Period
from tieout.kernel.rational import Exact, exact_text

ADVANCE = "advance/"


class MalformedFee(IntegrityViolation):
    """A stored movement of a fee in advance that does not say for what."""

    code = "malformed-fee"

    def __init__(self, movement: Movement, why: str) -> None:
        super().__init__(f"The details of movement {movement.id} cannot be read: {why}.")


@dataclass(frozen=True, slots=True)
class BilledFee:
    """`exact` is what the line asked before it was settled. `discount`, zero or negative, is its share of the
    invoice's discounts, and `amount` what was left of it. `period` is the whole period of the calendar that
    `segment` is a part of, `terms` what was agreed beside the price, as it is stored."""

    line: LineId
    subscription: SubscriptionId
    price: PriceKey
    price_version: int
    plan: PlanKey
    plan_version: int
    period: Period
    segment: Period
    exact: Exact
    amount: Money
    discount: Money
    terms: str | None = None

    @property
    def asked(self) -> Exact:
        """What was asked after discounts, in units of the currency; an unused part is its share of this."""
        return self.exact + self.discount.as_fraction()

    @property
    def account(self) -> str:
        return advance_account(self.subscription)


def advance_account(subscription: SubscriptionId) -> str:
    """Its balance is what was billed and not yet earned."""
    return f"{ADVANCE}{subscription}"


def billed(fee: BilledFee, *, customer: CustomerId, invoice: InvoiceId, at: Instant) -> Movement:
    """The movement that goes with a line for a period to come."""
    discounted = {"discount_minor": JsonNumber(str(fee.discount.minor))} if fee.discount.minor else {}
    details = canonical_json(
        {
            **discounted,
            "line": fee.line,
            "price": fee.price,
            "price_version": JsonNumber(str(fee.price_version)),
            "plan": fee.plan,
            "plan_version": JsonNumber(str(fee.plan_version)),
            "period": [format_instant(fee.period.start), format_instant(fee.period.end)],
            "segment": [format_instant(fee.segment.start), format_instant(fee.segment.end)],
            "exact_amount": exact_text(fee.exact),
            "terms": fee.terms,
        }
    )
    return Movement(
        id=f"billed/{fee.line}",
        customer=customer,
        account=fee.account,
        kind=MovementKind.BILLED,
        amount=fee.amount,
        effective_at=at,
        reason=f"fee billed in advance on line {fee.line}",
        invoice=invoice,
        details=details,
    )


def earned(
    fee: BilledFee, *, unused: Money, customer: CustomerId, invoice: InvoiceId, at: Instant
) -> list[Movement]:
    """What takes the fee out of the balance once its time is over: used up, or credited as `unused`. Named by
    the paper too, since one that is voided gives the fee back, and its replacement takes it out again."""
    parts = (
        (MovementKind.EARNED, fee.amount - unused, f"the time of line {fee.line} is over"),
        (MovementKind.CREDITED, unused, f"billed on line {fee.line} and not used"),
    )
    return [
        Movement(
            id=f"{kind.value}/{fee.line}/{invoice}",
            customer=customer,
            account=fee.account,
            kind=kind,
            amount=-amount,
            effective_at=at,
            reason=reason,
            invoice=invoice,
        )
        for kind, amount, reason in parts
        if amount.minor != 0 or kind is MovementKind.EARNED
    ]


def fee_line(movement: Movement) -> LineId:
    """The line on which the fee was billed that the movement is of."""
    return LineId(movement.id.split("/")[1])


def open_fees(movements: Iterable[Movement], subscription: SubscriptionId) -> list[BilledFee]:
    """What was billed in advance and is neither earned nor credited yet."""
    ours = [each for each in movements if each.account == advance_account(subscription)]
    closed = {fee_line(each) for each in ours if each.kind is not MovementKind.BILLED}
    return [
        _fee_of(each, subscription)
        for each in ours
        if each.kind is MovementKind.BILLED and fee_line(each) not in closed
    ]


def billed_fees(movements: Iterable[Movement], subscription: SubscriptionId) -> list[BilledFee]:
    """All that was ever billed in advance."""
    return [
        _fee_of(each, subscription)
        for each in movements
        if each.account == advance_account(subscription) and each.kind is MovementKind.BILLED
    ]


def without(whole: Period, taken: Sequence[Period]) -> list[Period]:
    """The parts of `whole` that no period of `taken` covers."""
    pieces = whole.split(bound for each in taken for bound in (each.start, each.end))
    return _joined(piece for piece in pieces if not any(each.overlaps(piece) for each in taken))


def _joined(pieces: Iterable[Period]) -> list[Period]:
    joined: list[Period] = []
    for piece in pieces:
        if joined and joined[-1].end == piece.start:
            joined[-1] = Period(joined[-1].start, piece.end)
        else:
            joined.append(piece)
    return joined


def _fee_of(movement: Movement, subscription: SubscriptionId) -> BilledFee:
    try:
        members = json.loads(movement.details)
        period, segment = (
            Period(*(parse_instant(bound) for bound in members[name])) for name in ("period", "segment")
        )
        return BilledFee(
            line=LineId(members["line"]),
            subscription=subscription,
            price=PriceKey(members["price"]),
            price_version=int(members["price_version"]),
            plan=PlanKey(members["plan"]),
            plan_version=int(members["plan_version"]),
            period=period,
            segment=segment,
            exact=Exact(members["exact_amount"]),
            amount=movement.amount,
            discount=Money(int(members.get("discount_minor", 0)), movement.amount.currency),
            terms=members["terms"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise MalformedFee(movement, f"{type(error).__name__}: {error}") from error
