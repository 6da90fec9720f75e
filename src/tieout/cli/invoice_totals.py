"""The foot of an invoice's lines: from the subtotal by discounts, taxes and credits to what is due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from tieout.cli.screen import grouped, plain

if TYPE_CHECKING:
    from rich.console import RenderableType

    from tieout.invoice.stored_document import StoredDocument, TaxOfDocument


def invoice_totals(paper: StoredDocument) -> RenderableType:
    """One row for each amount; what is due only where it is not the total."""
    grid = Table.grid(expand=True, padding=(0, 2))
    grid.add_column(justify="right", ratio=1)
    grid.add_column(justify="right", no_wrap=True)
    grid.add_row(Text("Subtotal"), Text(grouped(paper.subtotal)))
    for discount in paper.discounts:
        words = Text(plain(discount.name))
        words.append(f"\n{plain(discount.text)}", style="dim")
        grid.add_row(words, Text(grouped(discount.amount)))
    for tax in paper.taxes:
        grid.add_row(_tax(tax), Text(grouped(tax.amount), style="dim" if tax.inclusive else ""))
    grid.add_row(Text(f"Total {paper.currency}", style="bold"), Text(grouped(paper.total), style="bold"))
    for credit in paper.credits:
        grid.add_row(Text(plain(credit.text)), Text(grouped(f"-{credit.amount}")))
    if paper.due is not None and (paper.credits or paper.due != paper.total):
        grid.add_row(Text(f"Due {paper.currency}", style="bold"), Text(grouped(paper.due), style="bold"))
    return grid


def _tax(tax: TaxOfDocument) -> Text:
    """The tax and where it is raised; below it the working, or the law's words for why it is not charged."""
    named = ", ".join(part for part in (tax.name, tax.jurisdiction) if part)
    below = f"{tax.note}; on {grouped(tax.base)}" if tax.note else tax.text
    return Text(plain(named)).append(f"\n{plain(below)}", style="dim")
