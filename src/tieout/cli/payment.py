"""`tieout payment record|list`: what was paid, by hand. States, gateways and refunds are not built yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.screen import Json, grouped, note, print_json, say, table

if TYPE_CHECKING:
    from tieout.flows.payments import Payment

app = typer.Typer(
    help="Payments recorded by hand; their states and payment providers come later.", no_args_is_help=True
)


@app.command()
def record(
    invoice: Annotated[str, typer.Argument(help="Its id (in_...) or its number.", show_default=False)],
    home: HomeOption,
    amount: Annotated[
        str, typer.Option(help="A decimal in its currency, such as 50.00.", show_default=False)
    ],
    reference: Annotated[
        str,
        typer.Option(help="The payment's own id: the same again is the same payment.", show_default=False),
    ],
    by: Annotated[str, typer.Option("--by", help="Who records it.", show_default=False)],
    received: Annotated[str | None, typer.Option(help="When it came in (RFC 3339); now.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Post a payment to an invoice; what is more than it owes goes to the customer's balance."""
    from tieout.flows.payments import record_payment
    from tieout.kernel.instant import parse_instant

    with opened(home) as where:
        made, fresh = record_payment(
            where,
            invoice,
            amount=amount,
            reference=reference,
            person=by,
            received_at=None if received is None else parse_instant(received),
        )
    if as_json:
        print_json({**_payment_json(made), "new": fresh})
        return
    words = "is posted" if fresh else "was posted before; nothing was added"
    over = (
        f", {grouped(made.overpaid.decimal_text)} of it to the customer's balance"
        if made.overpaid.minor
        else ""
    )
    note(f"{grouped(made.amount.decimal_text)} {made.amount.currency} for {made.invoice} {words}{over}.")


@app.command("list")
def list_(
    home: HomeOption,
    customer: Annotated[str | None, typer.Option(help="Only this customer's.")] = None,
    invoice: Annotated[str | None, typer.Option(help="Only this invoice's (id or number).")] = None,
    as_json: JsonOption = False,
) -> None:
    """Payments by when they came in."""
    from tieout.flows.ledger import selected
    from tieout.flows.payments import list_payments
    from tieout.kernel.instant import format_instant

    with opened(home) as where:
        found = list_payments(where, selected(where, customer=customer, invoice=invoice))
    if as_json:
        print_json([_payment_json(each) for each in found])
        return
    columns = (
        "received",
        "reference",
        "customer",
        "invoice",
        "amount>",
        "applied>",
        "overpaid>",
        "currency",
        "by",
    )
    rows = [
        [
            *(format_instant(each.received_at), each.reference, each.customer, each.invoice),
            *(grouped(part.decimal_text) for part in (each.amount, each.applied, each.overpaid)),
            *(each.amount.currency.code, each.person),
        ]
        for each in found
    ]
    say(table(columns, rows))


def _payment_json(payment: Payment) -> dict[str, Json]:
    from tieout.kernel.instant import format_instant

    return {
        "reference": payment.reference,
        "customer": payment.customer,
        "invoice": payment.invoice,
        "amount": payment.amount.decimal_text,
        "applied": payment.applied.decimal_text,
        "overpaid": payment.overpaid.decimal_text,
        "currency": payment.amount.currency.code,
        "received_at": format_instant(payment.received_at),
        "accounting_period": payment.accounting_period,
        "by": payment.person,
    }
