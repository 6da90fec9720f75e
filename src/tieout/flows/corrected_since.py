"""What a correction of the period has given back of a disputed line since the dispute was opened.

A defect that engineering mends at its source is corrected the usual way; no dispute must give it back again.
"""

from __future__ import annotations

from tieout.dispute.dispute import Dispute
from tieout.dispute.event import Outcome
from tieout.dispute.refused import DisputeRefused
from tieout.dispute.state import Act
from tieout.flows.credit_note import scope_of
from tieout.flows.home import Home
from tieout.kernel.ids import LineId
from tieout.kernel.money import Money
from tieout.rate.credit import is_credit


def corrected_since(home: Home, dispute: Dispute) -> int:
    """Minor units, before taxes that are added; below zero where corrections asked for more. Of a whole
    invoice 0, since nobody said which lines."""
    line = dispute.claim.line
    stored = None if line is None else home.books.invoices.evidence(LineId(line))
    if stored is None:
        return 0
    scope = scope_of(stored)
    rows = home.books.corrections.settled([dispute.customer]).get(dispute.customer, ())
    return -sum(
        row.line.amount_minor
        for row in rows
        if scope_of(row) == scope
        and row.line.correction is not None
        and not is_credit(row.charge.price)
        and row.invoice.sealed_at > dispute.opened_at
    )


def check_corrected(home: Home, dispute: Dispute, outcome: Outcome) -> None:
    """Raises `DisputeRefused` unless corrections have given back all that is disputed."""
    claim, back = dispute.claim, corrected_since(home, dispute)
    if outcome is not Act.UPHELD or back < claim.amount:
        given = Money(max(back, 0), claim.currency)
        raise DisputeRefused(
            [
                f"corrections since it was opened gave back {given} of {claim.money}: only what they gave "
                "back whole is upheld as corrected; of the rest a note gives back"
            ]
        )


def check_not_twice(home: Home, dispute: Dispute, minor: int) -> None:
    """Raises `DisputeRefused` where note and corrections would give back more than is disputed."""
    claim, back = dispute.claim, corrected_since(home, dispute)
    if back > 0 and minor + back > claim.amount:
        raise DisputeRefused(
            [
                f"corrections since it was opened gave back {Money(back, claim.currency)} already, and "
                f"{Money(minor, claim.currency)} more are above the {claim.money} disputed: uphold it as "
                "corrected (--corrected), or give back the rest in part"
            ]
        )
