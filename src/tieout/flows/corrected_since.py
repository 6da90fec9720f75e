"""Reads what corrections of the period have given back of what is disputed since the dispute was opened."""

from __future__ import annotations

from tieout.dispute.corrected import CorrectedBack, back_since
from tieout.dispute.dispute import Dispute
from tieout.evidence.stored_corrections import SettledRow
from tieout.flows.credit_note import credited_line, scope_of
from tieout.flows.disputes import known_disputes
from tieout.flows.home import Home
from tieout.flows.invoices import show_invoice
from tieout.kernel.ids import LineId
from tieout.rate.credit import is_credit


def corrected_since(home: Home, dispute: Dispute) -> int:
    """Minor units, counted as the claim is, and never below zero. What other disputes of the very same were
    upheld by is taken off."""

    def tax_on(line: LineId, minor: int) -> int:
        credited = credited_line(home, show_invoice(home, dispute.invoice), line)
        return credited.tax_on(minor) if credited.creditable.net else 0

    disputes = known_disputes(home, dispute.customer).disputes
    return back_since(dispute, _given_back(home, dispute), disputes, tax_on)


def _given_back(home: Home, dispute: Dispute) -> list[CorrectedBack]:
    """Of each disputed line, by correction."""
    rows = home.books.corrections.settled([dispute.customer]).get(dispute.customer, ())
    line = dispute.claim.line
    disputed = {
        scope_of(row): row.line.id
        for row in rows
        if row.invoice.id == dispute.invoice and line in (None, row.line.id)
    }
    return [
        CorrectedBack(disputed[scope_of(row)], row.invoice.sealed_at, -row.line.amount_minor)
        for row in rows
        if scope_of(row) in disputed and row.invoice.id != dispute.invoice and _corrects(row)
    ]


def _corrects(row: SettledRow) -> bool:
    return row.line.correction is not None and not is_credit(row.charge.price)
