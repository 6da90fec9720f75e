"""What may be decided of a dispute, by whom, and what that gives back. Amounts are minor units of the
invoice's currency."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from tieout.correction.credit import Rest
from tieout.dispute.dispute import Dispute
from tieout.dispute.event import Claim, CreditGiven, Outcome
from tieout.dispute.owners import Owners
from tieout.dispute.refused import DisputeRefused
from tieout.dispute.role import MAY, Role, decider_of
from tieout.dispute.state import Act
from tieout.dispute.type import RULES
from tieout.kernel.ids import LineId
from tieout.kernel.money import Money
from tieout.kernel.person import is_same_person

GIVES_BACK: Final = frozenset({Act.UPHELD, Act.PARTLY_UPHELD})


@dataclass(frozen=True, slots=True)
class DecisionOrder:
    """`amount`: of a disputed line, where it is upheld in part. `lines`: of a disputed invoice, which lines
    give back how much (line, amount before taxes that are added; None: all that is left). `to`: where that
    goes which is not open any more. `corrected`: a correction of the period has given it back since the
    dispute was opened, so that no note does."""

    outcome: Outcome
    amount: str | None = None
    lines: Sequence[tuple[str, str | None]] = ()
    to: Rest = "balance"
    corrected: bool = False


def check_people(
    owners: Owners, dispute: Dispute, outcome: Outcome, person: str, approved_by: str | None
) -> None:
    """Raises `WrongRole` or `DisputeRefused`."""
    if outcome in MAY:
        owners.check(person, MAY[outcome], f"record that a dispute is {outcome.value}")
    else:
        roles = decider_of(RULES[dispute.claim.type].routed_to)
        owners.check(person, roles, f"decide a dispute of type {dispute.claim.type.value}")
    if outcome not in GIVES_BACK:
        if approved_by is not None:
            raise DisputeRefused([f"{outcome.value} gives nothing back: leave out --approved-by"])
        return
    if approved_by is None:
        raise DisputeRefused(["what is given back is approved by a person of finance (--approved-by)"])
    owners.check(approved_by, [Role.FINANCE], "approve what a dispute gives back")
    if is_same_person(person, approved_by):
        raise DisputeRefused([f"{person} decides it; another person approves it (--approved-by)"])


def gives_notes(order: DecisionOrder) -> bool:
    """Whether credit notes give back: not where nothing is given back, nor where a correction has. Raises
    `DisputeRefused` where amounts are named for nothing."""
    if order.outcome not in GIVES_BACK and (order.amount is not None or order.lines or order.corrected):
        raise DisputeRefused([f"{order.outcome.value} gives nothing back: leave out amounts"])
    return order.outcome in GIVES_BACK and not order.corrected


def wanted_lines(claim: Claim, order: DecisionOrder) -> list[tuple[str, str | None]]:
    """Which lines give back how much (None: all that is left). Raises `DisputeRefused`."""
    if claim.line is None:
        if order.amount is not None or not order.lines:
            raise DisputeRefused(
                ["the whole invoice is disputed: say which lines give back how much (--credit LINE=AMOUNT)"]
            )
        return list(order.lines)
    if order.lines:
        raise DisputeRefused([f"line {claim.line} is disputed alone: leave out --credit"])
    partly = order.outcome is Act.PARTLY_UPHELD
    if partly != (order.amount is not None):
        problem = "say how much (--amount)" if partly else "all of it is given back: leave out --amount"
        raise DisputeRefused([problem])
    return [(claim.line, order.amount or claim.money.decimal_text)]


def refuse_same_scope(lines: Iterable[tuple[Hashable, LineId]]) -> None:
    """By what each line is for: what is left of one would hang on the other. Raises `DisputeRefused`."""
    seen: dict[Hashable, LineId] = {}
    for scope, name in lines:
        if scope in seen:
            raise DisputeRefused([f"lines {seen[scope]} and {name} are for the same usage: credit one"])
        seen[scope] = name


def given_back(claim: Claim, credits_: Iterable[CreditGiven]) -> int:
    """Counted as the claim is: of a line before taxes that are added, of a whole invoice with them."""
    return sum(each.amount if claim.line is not None else each.with_tax for each in credits_)


def check_sum(claim: Claim, outcome: Outcome, credits_: Iterable[CreditGiven]) -> None:
    """Upheld is all that is disputed, in part is less. Raises `DisputeRefused`."""
    asked, given = claim.asked, given_back(claim, credits_)
    both = f"{Money(given, claim.currency)} would be given back of {Money(asked, claim.currency)} disputed"
    if outcome is Act.UPHELD and given != asked:
        raise DisputeRefused([f"{both}: that is not all (partly-upheld), or too much"])
    if outcome is Act.PARTLY_UPHELD and given >= asked:
        raise DisputeRefused([f"{both}: that is not a part of it"])
