"""A commitment over one billing period: what usage draws from it, what is billed beside the usage, what is
left.

A whole term is a function of the usage so far, before and after the period (cumulative, less what was done
already), so negative usage gives back what it drew. For EACH_PERIOD, what was rolled over is drawn first:
it is the older, and it lapses at the period's end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tieout.balance.movement import Movement, MovementKind, balance
from tieout.contract.subscription import Commitment
from tieout.kernel.ids import CustomerId, InvoiceId, SubscriptionId
from tieout.kernel.instant import Instant
from tieout.kernel.money import Currency, Money
from tieout.kernel.rational import Exact, exact_text
from tieout.kernel.rounding import Rounding, settle

COMMITMENT = "commitment/"
METERED = "/metered"
"""After the account of a commitment: the account that adds up the usage that counts for it."""


class Role(StrEnum):
    """What a line of a commitment is for."""

    UPFRONT = "upfront"
    ROLLED_OVER = "rolled-over"
    DRAWDOWN = "drawdown"
    OVERAGE = "overage"
    CAP = "cap"
    TRUE_UP = "true-up"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True)
class Standing:
    """What the movements before the period say: what is left to draw, the metered usage so far, and whether
    the term has begun."""

    left: int
    metered: int
    begun: bool


@dataclass(frozen=True, slots=True)
class CommittedPeriod:
    """The period's facts: its metered usage in minor units, how much of the period the term covers, and
    whether the term ends in it."""

    usage: int
    part_seconds: int
    whole_seconds: int
    last: bool


@dataclass(frozen=True, slots=True)
class CommitmentLine:
    """A line beside the usage lines: `amount` exact, in whole units of the currency."""

    role: Role
    amount: Exact
    text: str


@dataclass(frozen=True, slots=True)
class Moved:
    """A movement that is not recorded yet: METERED goes to the account that adds up usage, every other
    kind to the commitment's own."""

    kind: MovementKind
    minor: int
    reason: str

    @property
    def suffix(self) -> str:
        return METERED if self.kind is MovementKind.METERED else ""


Outcome = tuple[list[CommitmentLine], list[Moved]]


def account_of(subscription: SubscriptionId, key: str) -> str:
    return f"{COMMITMENT}{subscription}/{key}"


def standing(movements: Iterable[Movement], account: str) -> Standing:
    """Where the commitment of that account stands; `movements` are those before the period."""
    ours = [each for each in movements if each.account in (account, account + METERED)]
    return Standing(balance(ours, account), balance(ours, account + METERED), bool(ours))


def committed(
    commitment: Commitment, state: Standing, period: CommittedPeriod, currency: Currency
) -> Outcome:
    """The lines and movements of one period. Lines come in the order of `Role`."""
    lines, moved = (
        _each_period(commitment, state, period, currency)
        if (commitment.billing == "each_period")
        else _whole_term(commitment, state, period, currency)
    )
    order = list(Role)
    kept = [each for each in moved if each.minor != 0]
    return sorted(lines, key=lambda line: order.index(line.role)), kept


def recorded_as(
    moved: Moved, account: str, customer: CustomerId, currency: Currency, invoice: InvoiceId, at: Instant
) -> Movement:
    """The movement as it is sealed with the invoice."""
    return Movement(
        id=f"{moved.kind.value}/{invoice}/{account}",
        customer=customer,
        account=account + moved.suffix,
        kind=moved.kind,
        amount=Money(moved.minor, currency),
        effective_at=at,
        reason=moved.reason,
        invoice=invoice,
    )


def _each_period(
    commitment: Commitment, state: Standing, period: CommittedPeriod, currency: Currency
) -> Outcome:
    share = Exact(period.part_seconds, period.whole_seconds)
    due = settle(commitment.amount * share, currency, Rounding.HALF_AWAY_FROM_ZERO).minor
    usage = max(period.usage, 0)
    rolled = min(state.left, usage)
    own = min(due, usage - rolled)
    rest, over, unused = due - own, usage - rolled - own, state.left - rolled
    kept = _rolls_over(commitment, rest, currency) if not period.last else 0
    name = f"commitment of {Money(due, currency)}"
    name += "" if share == 1 else f" ({period.part_seconds:,} of {period.whole_seconds:,} seconds)"
    paid_before = f"usage of {Money(rolled, currency)} was paid before and rolled over"
    gone = f"{Money(unused, currency)} that had rolled over was not used and lapses"
    lines = [
        _line(Role.ROLLED_OVER, -rolled, paid_before, currency),
        _line(
            Role.TRUE_UP,
            rest,
            _rest_text(commitment, currency, name=name, own=own, rest=rest, kept=kept),
            currency,
        ),
        _line(Role.LAPSED, 0, gone, currency),
    ]
    shown = [line for line, wanted in zip(lines, (rolled, rest, unused), strict=True) if wanted]
    moved = [
        Moved(MovementKind.COMMITTED, due, name),
        Moved(MovementKind.DRAWN, -(rolled + own), f"drawn by usage of {Money(usage, currency)}"),
        Moved(MovementKind.TRUED_UP, -(rest - kept), "billed by a true-up and not rolled over"),
        Moved(MovementKind.LAPSED, -unused, "rolled over and not used"),
        Moved(MovementKind.METERED, period.usage, "metered usage"),
    ]
    return shown + _overage(commitment, over, currency), moved


def _whole_term(
    commitment: Commitment, state: Standing, period: CommittedPeriod, currency: Currency
) -> Outcome:
    amount = settle(commitment.amount, currency, Rounding.HALF_AWAY_FROM_ZERO).minor
    before, after = state.metered, state.metered + period.usage
    drawn = _drawn(after, amount) - _drawn(before, amount)
    over = max(after - amount, 0) - max(before - amount, 0)
    rest = amount - _drawn(after, amount) if period.last else 0
    name = f"{commitment.kind} of {Money(amount, currency)}"
    lines = []
    moved = [
        Moved(MovementKind.METERED, period.usage, "metered usage"),
        Moved(MovementKind.DRAWN, -drawn, f"drawn by usage of {Money(period.usage, currency)}"),
    ]
    if not state.begun:
        moved.append(Moved(MovementKind.COMMITTED, amount, name))
    sofar = f"{name}, drawn so far {Money(_drawn(after, amount), currency)}"
    if commitment.kind == "maximum":
        if over:
            text = f"{name}, usage so far {Money(after, currency)}: {Money(over, currency)} is not charged"
            lines.append(_line(Role.CAP, -over, text, currency))
        moved.append(Moved(MovementKind.LAPSED, -rest, "the term ended"))
        return lines, moved
    lines += _overage(commitment, over, currency)
    if commitment.billing == "upfront":
        if not state.begun:
            lines.append(_line(Role.UPFRONT, amount, f"{name}, due at the beginning of its term", currency))
        if drawn:
            left = Money(amount - _drawn(after, amount), currency)
            text = f"{sofar}, {Money(drawn, currency)} of it by this period, left {left}"
            lines.append(_line(Role.DRAWDOWN, -drawn, text, currency))
        if rest:
            text = f"{sofar}, rest {Money(rest, currency)}: paid upfront, not used, lapses"
            lines.append(_line(Role.LAPSED, 0, text, currency))
        moved.append(Moved(MovementKind.LAPSED, -rest, "the term ended"))
    elif rest:
        lines.append(_line(Role.TRUE_UP, rest, f"{sofar}, rest {Money(rest, currency)}", currency))
        moved.append(Moved(MovementKind.TRUED_UP, -rest, "billed by a true-up at the end of the term"))
    return lines, moved


def _drawn(usage: int, amount: int) -> int:
    """What usage so far has drawn: never below nothing, never above the commitment."""
    return min(max(usage, 0), amount)


def _rolls_over(commitment: Commitment, rest: int, currency: Currency) -> int:
    if not commitment.rollover:
        return 0
    if commitment.rollover_cap is None:
        return rest
    return min(rest, settle(commitment.rollover_cap, currency, Rounding.DOWN).minor)


def _rest_text(
    commitment: Commitment, currency: Currency, *, name: str, own: int, rest: int, kept: int
) -> str:
    text = f"{name}, drawn {Money(own, currency)}, rest {Money(rest, currency)}"
    return f"{text}; {Money(kept, currency)} of it rolls over" if commitment.rollover else text


def _overage(commitment: Commitment, over: int, currency: Currency) -> list[CommitmentLine]:
    """Usage above the commitment is on its own lines at the plan's prices; this is the difference."""
    if over == 0 or commitment.overage_rate == 1:
        return []
    rate = exact_text(commitment.overage_rate)
    text = f"usage of {Money(over, currency)} above the commitment costs {rate} times its price"
    amount = Money(over, currency).as_fraction() * (commitment.overage_rate - 1)
    return [CommitmentLine(Role.OVERAGE, amount, text)]


def _line(role: Role, minor: int, text: str, currency: Currency) -> CommitmentLine:
    return CommitmentLine(role, Money(minor, currency).as_fraction(), text)
