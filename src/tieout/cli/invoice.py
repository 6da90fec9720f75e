"""`tieout invoice list|show|credit|void`: the paper, as a list and one by one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, cast

import typer

from tieout.cli.dispute_shown import invoice_disputes_table
from tieout.cli.invoice_undo import credit, void
from tieout.cli.late import late_json, late_table
from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.screen import Json, grouped, print_json, say, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from tieout.flows.invoices import InvoiceRow
    from tieout.kernel.money import Money

app = typer.Typer(help="Invoices: list, show, credit, void.", no_args_is_help=True)
app.command()(credit)
app.command()(void)


@app.command("list")
def list_(
    home: HomeOption,
    customer: Annotated[str | None, typer.Option(help="Only this customer's.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Every invoice with its period, status and total; what its document asks for (due), and what of that is
    still owed after payments, credit notes and voids (open). Where something is disputed: that, and what
    of the open amount is still to be collected."""
    from tieout.flows.invoices import list_invoices
    from tieout.kernel.ids import CustomerId

    with opened(home) as where:
        rows = list_invoices(where, customer=None if customer is None else CustomerId(customer))
    if as_json:
        print_json([row_json(row) for row in rows])
    else:
        say(invoices_table(rows))


@app.command()
def show(
    invoice: Annotated[str, typer.Argument(help="Its id (in_...) or its number.", show_default=False)],
    home: HomeOption,
    as_json: JsonOption = False,
) -> None:
    """One invoice as a person reads it; with --json the stored document and its SHA-256.

    Events that came after its cutoff are shown beside it ("late"), and so are its disputes; the sealed
    document never changes.
    """
    from tieout.flows.dispute_document import customer_json
    from tieout.flows.disputes import disputes_of_invoice
    from tieout.flows.invoices import show_invoice
    from tieout.flows.late_events import late_for_invoice

    with opened(home) as where:
        stored = show_invoice(where, invoice)
        late = late_for_invoice(where, stored)
        disputes = disputes_of_invoice(where, stored)
    if as_json:
        beside: dict[str, Json] = {
            "sha256": stored.sha256,
            "late": [late_json(row) for row in late],
            "disputes": [cast("Json", customer_json(each)) for each in disputes],
        }
        print_json({**json.loads(stored.document, parse_float=str), **beside})
        return
    from tieout.cli.invoice_page import invoice_page
    from tieout.invoice.stored_document import read_document

    say(invoice_page(read_document(invoice, stored.document)))
    if late:
        say(late_table(late))
    if disputes:
        say(invoice_disputes_table(disputes))


def invoices_table(rows: Sequence[InvoiceRow]) -> Table:
    """The list as a table, with periods in UTC; the page of each invoice says the customer's own days."""
    from tieout.kernel.instant import format_instant

    columns = ("number", "id", "customer", "period (UTC)", "kind", "status", "total>", "due>", "open>")
    waits = any(row.disputed is not None and row.disputed.minor for row in rows)
    columns = (*columns, *(("disputed>", "collectable>") if waits else ()), "currency")
    cells = (
        [
            row.number or "-",
            row.id,
            row.customer,
            f"{format_instant(row.period.start)} to {format_instant(row.period.end)}",
            row.kind,
            row.status,
            grouped(row.total.decimal_text),
            grouped(row.due.decimal_text),
            _amount(row.open),
            *((_amount(row.disputed), _amount(row.collectable)) if waits else ()),
            row.currency,
        ]
        for row in rows
    )
    return table(columns, cells)


def _amount(money: Money | None) -> str:
    return "-" if money is None else grouped(money.decimal_text)


def row_json(row: InvoiceRow) -> Json:
    """One row of the list."""
    from tieout.invoice.off_cycle import off_cycle_json
    from tieout.kernel.instant import format_instant

    reason = row.off_cycle
    return {
        **({} if reason is None else {"off_cycle": cast("Json", off_cycle_json(reason))}),
        "kind": row.kind,
        "id": row.id,
        "number": row.number,
        "customer": row.customer,
        "currency": row.currency,
        "period": {"start": format_instant(row.period.start), "end": format_instant(row.period.end)},
        "status": row.status,
        "total": row.total.decimal_text,
        "due": row.due.decimal_text,
        "open": None if row.open is None else row.open.decimal_text,
        "disputed": None if row.disputed is None else row.disputed.decimal_text,
        "collectable": None if row.collectable is None else row.collectable.decimal_text,
    }
