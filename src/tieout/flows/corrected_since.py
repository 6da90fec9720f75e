"""What corrections of the period have given back of what is disputed since the dispute was opened.

A defect that engineering mends at its source is corrected the usual way; no dispute must give it back again,
and no two disputes are upheld by one correction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tieout.dispute.dispute import Dispute
from tieout.dispute.event import Outcome
from tieout.dispute.refused import DisputeRefused
from tieout.dispute.state import Act
from tieout.evidence.stored_corrections import SettledRow
from tieout.flows.credit_note import credited_line, scope_of
from tieout.flows.disputes import known_disputes
from tieout.flows.home import Home
from tieout.flows.invoices import show_invoice
from tieout.kernel.ids import LineId
from tieout.kernel.instant import Instant
from tieout.kernel.money import Money
from tieout.rate.credit import is_credit


@dataclass(frozen=True, slots=True)
class _Back:
    """What a correction gave back of a disputed line, in minor units before taxes that are added; below zero
    where it asked for more."""

    line: LineId
    at: Instant
    minor: int


def corrected_since(home: Home, dispute: Dispute) -> int:
    """Minor units, counted as the claim is, and never below zero. What other disputes of the very same were
    upheld by is taken off."""
    given = _given_back(home, dispute)
    since = [each for each in given if each.at > dispute.opened_at]
    back = _counted(home, dispute, since)
    taken = [each for each in _beside(home, dispute) if each.decided is not None and each.decided.corrected]
    if back and taken:
        first = min(each.opened_at for each in taken)
        before = [each for each in given if first < each.at <= dispute.opened_at]
        back -= max(sum(map(claim_minor, taken)) - _counted(home, dispute, before), 0)
    return max(back, 0)


def check_corrected(home: Home, dispute: Dispute, outcome: Outcome) -> None:
    """Raises `DisputeRefused` unless corrections have given back all that is disputed."""
    claim, back = dispute.claim, corrected_since(home, dispute)
    if outcome is not Act.UPHELD or back < claim_minor(dispute):
        given, asked = Money(back, claim.currency), Money(claim_minor(dispute), claim.currency)
        raise DisputeRefused(
            [
                f"corrections since it was opened gave back {given} of {asked}: only what they gave "
                "back whole is upheld as corrected; of the rest a note gives back"
            ]
        )


def check_not_twice(home: Home, dispute: Dispute, minor: int) -> None:
    """`minor`: what a note would give back, counted as the claim is. Raises `DisputeRefused` where note and
    corrections would give back more than is disputed."""
    claim, back = dispute.claim, corrected_since(home, dispute)
    asked = claim_minor(dispute)
    if back > 0 and minor + back > asked:
        raise DisputeRefused(
            [
                f"corrections since it was opened gave back {Money(back, claim.currency)} already, and "
                f"{Money(minor, claim.currency)} more are above the {Money(asked, claim.currency)} disputed: "
                "uphold it as corrected (--corrected), or give back the rest in part"
            ]
        )


def claim_minor(dispute: Dispute) -> int:
    """What is disputed: of a line before taxes that are added, of a whole invoice with them."""
    return dispute.claim.amount if dispute.claim.line is not None else dispute.claim.with_tax


def _beside(home: Home, dispute: Dispute) -> list[Dispute]:
    """Other disputes of the same line, or of the same invoice as a whole."""
    return [
        each
        for each in known_disputes(home, dispute.customer).disputes
        if (each.invoice, each.claim.line) == (dispute.invoice, dispute.claim.line) and each.id != dispute.id
    ]


def _given_back(home: Home, dispute: Dispute) -> list[_Back]:
    """Of each disputed line, by correction."""
    rows = home.books.corrections.settled([dispute.customer]).get(dispute.customer, ())
    line = dispute.claim.line
    disputed = {
        scope_of(row): row.line.id
        for row in rows
        if row.invoice.id == dispute.invoice and line in (None, row.line.id)
    }
    return [
        _Back(disputed[scope_of(row)], row.invoice.sealed_at, -row.line.amount_minor)
        for row in rows
        if scope_of(row) in disputed and row.invoice.id != dispute.invoice and _corrects(row)
    ]


def _corrects(row: SettledRow) -> bool:
    return row.line.correction is not None and not is_credit(row.charge.price)


def _counted(home: Home, dispute: Dispute, given: Sequence[_Back]) -> int:
    """Of a whole invoice line by line, with the taxes that go with it: what one line gave back is not made
    up for by another that asked for more."""
    by_line: dict[LineId, int] = {}
    for each in given:
        by_line[each.line] = by_line.get(each.line, 0) + each.minor
    back = {line: minor for line, minor in by_line.items() if minor > 0}
    if dispute.claim.line is not None or not back:
        return sum(back.values())
    invoice = show_invoice(home, dispute.invoice)
    lines = {line: credited_line(home, invoice, line) for line in back}
    return sum(
        minor + (lines[line].tax_on(minor) if lines[line].creditable.net else 0)
        for line, minor in back.items()
    )
