"""What corrections of the period have given back of what is disputed since the dispute was opened.

A defect that engineering mends at its source is corrected the usual way; no dispute must give it back again,
and no two disputes are upheld by one correction. Amounts are minor units of the invoice's currency.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tieout.dispute.dispute import Dispute
from tieout.dispute.event import Claim, Outcome
from tieout.dispute.refused import DisputeRefused
from tieout.dispute.state import Act
from tieout.kernel.ids import LineId
from tieout.kernel.instant import Instant
from tieout.kernel.money import Money

TaxOn = Callable[[LineId, int], int]
"""Of the taxes that are added to a line, what goes with so much of it."""


@dataclass(frozen=True, slots=True)
class CorrectedBack:
    """What a correction gave back of a disputed line, before taxes that are added; below zero where it asked
    for more."""

    line: LineId
    at: Instant
    minor: int


def back_since(
    dispute: Dispute, given: Sequence[CorrectedBack], disputes: Iterable[Dispute], tax_on: TaxOn
) -> int:
    """Counted as the claim is, and never below zero. What other disputes of the very same were upheld by is
    taken off; `disputes` are those of the customer."""
    claim = dispute.claim
    back = _counted(claim, [each for each in given if each.at > dispute.opened_at], tax_on)
    taken = [
        each
        for each in disputes
        if (each.invoice, each.claim.line) == (dispute.invoice, claim.line)
        and each.id != dispute.id
        and each.decided is not None
        and each.decided.corrected
    ]
    if back and taken:
        first = min(each.opened_at for each in taken)
        before = [each for each in given if first < each.at <= dispute.opened_at]
        back -= max(sum(each.claim.asked for each in taken) - _counted(claim, before, tax_on), 0)
    return max(back, 0)


def check_corrected(claim: Claim, outcome: Outcome, back: int) -> None:
    """Raises `DisputeRefused` unless corrections have given back all that is disputed."""
    if outcome is not Act.UPHELD or back < claim.asked:
        given, asked = Money(back, claim.currency), Money(claim.asked, claim.currency)
        raise DisputeRefused(
            [
                f"corrections since it was opened gave back {given} of {asked}: only what they gave "
                "back whole is upheld as corrected; of the rest a note gives back"
            ]
        )


def check_not_twice(claim: Claim, minor: int, back: int) -> None:
    """`minor`: what notes would give back, counted as the claim is. Raises `DisputeRefused` where notes and
    corrections would give back more than is disputed."""
    if back > 0 and minor + back > claim.asked:
        unit = claim.currency
        raise DisputeRefused(
            [
                f"corrections since it was opened gave back {Money(back, unit)} already, and "
                f"{Money(minor, unit)} more are above the {Money(claim.asked, unit)} disputed: "
                "uphold it as corrected (--corrected), or give back the rest in part"
            ]
        )


def _counted(claim: Claim, given: Iterable[CorrectedBack], tax_on: TaxOn) -> int:
    """Of a whole invoice line by line, with the taxes that go with it: what one line gave back is not made
    up for by another that asked for more."""
    by_line: dict[LineId, int] = {}
    for each in given:
        by_line[each.line] = by_line.get(each.line, 0) + each.minor
    back = {line: minor for line, minor in by_line.items() if minor > 0}
    if claim.line is not None:
        return sum(back.values())
    return sum(minor + tax_on(line, minor) for line, minor in back.items())
