"""`tieout invoice credit|void`: what was sealed is given back, or replaced; two people decide."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.screen import grouped, note, print_json, say

InvoiceArgument = Annotated[str, typer.Argument(help="Its id (in_...) or its number.", show_default=False)]
ByOption = Annotated[str, typer.Option("--by", help="Who decides.", show_default=False)]
ReasonOption = Annotated[
    str, typer.Option("--reason", help="Why; it is kept and printed.", show_default=False)
]
KindOption = Annotated[
    Literal["goodwill", "billing-error"],
    typer.Option(
        help="goodwill stays, whatever becomes of the usage; a billing-error counts as billed back: the next "
        "correction of the period takes it into account.",
        show_default=False,
    ),
]
ApprovedOption = Annotated[str, typer.Option("--approved-by", help="Another person.", show_default=False)]


def credit(
    invoice: InvoiceArgument,
    home: HomeOption,
    line: Annotated[str, typer.Option(help="The line's id, or its last digits.", show_default=False)],
    by: ByOption,
    reason: ReasonOption,
    approved_by: ApprovedOption,
    kind: KindOption,
    amount: Annotated[
        str | None, typer.Option(help="A decimal, before taxes that are added.", show_default=False)
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that is left of the line.")] = False,
    to: Annotated[
        Literal["balance", "refund"], typer.Option(help="Where goes what is not open any more.")
    ] = "balance",
    as_json: JsonOption = False,
) -> None:
    """Give back some or all of a line, with its tax, as a credit note."""
    from tieout.flows.credit_invoice import CreditRefused, credit_invoice

    if (amount is None) != everything:
        raise CreditRefused(["say either --amount or --all"])
    with opened(home) as where:
        done = credit_invoice(
            where,
            invoice,
            line=line,
            amount=amount,
            kind=kind,
            person=by,
            reason=reason,
            approved_by=approved_by,
            to=to,
        )
    if as_json:
        print_json(
            {
                "note": done.note.number,
                "id": done.note.id,
                "line": done.line,
                "kind": kind,
                "amount": done.amount.decimal_text,
                "tax": done.tax.decimal_text,
                "applied": done.applied.decimal_text,
                "rest": done.rest.decimal_text,
                "to": done.to,
                "currency": done.note.currency,
            }
        )
        return
    say(done.note.number)
    unit = done.note.currency
    given = f"{grouped(done.amount.decimal_text)} {unit} of line {done.line}"
    taxed = f", with tax of {grouped(done.tax.decimal_text)}" if done.tax.minor else ""
    where_to = "the customer's balance" if done.to == "balance" else "a refund"
    note(f"Credited {given}{taxed}.")
    note(
        f"{grouped(done.applied.decimal_text)} {unit} against what is open of the invoice, "
        f"{grouped(done.rest.decimal_text)} {unit} to {where_to}."
    )


def void(
    invoice: InvoiceArgument,
    home: HomeOption,
    by: ByOption,
    reason: ReasonOption,
    approved_by: ApprovedOption,
    as_json: JsonOption = False,
) -> None:
    """Void an invoice; the next close bills its period again, on a paper that names what it replaces."""
    from tieout.flows.void_invoice import void_invoice

    with opened(home) as where:
        done = void_invoice(where, invoice, person=by, reason=reason, approved_by=approved_by)
    number = done.void.invoice.number
    if as_json:
        print_json(
            {
                "voided": number,
                "id": done.void.invoice.id,
                "reason": done.void.reason,
                "entries_reversed": done.entries,
                "movements_reversed": done.movements,
            }
        )
        return
    say(number)
    note(f"{number} is voided, and keeps its number: {done.entries} ledger entries were reversed.")
    note("Its period is due again: run `tieout close`.")
