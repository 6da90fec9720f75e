"""`tieout exposure CUSTOMER`: what the running period would cost now, and at its end at the rate so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tieout.cli.options import HomeOption, JsonOption, opened
from tieout.cli.screen import Json, grouped, note, print_json, say, table

if TYPE_CHECKING:
    from tieout.flows.exposure import AccountExposure, Cost, Exposure


def exposure(
    customer: Annotated[str, typer.Argument(help="The customer's key.", show_default=False)],
    home: HomeOption,
    as_json: JsonOption = False,
) -> None:
    """What the running period costs so far, and is heading for. Nothing is stored or billed."""
    from tieout.flows.exposure import exposure as work_out
    from tieout.kernel.ids import CustomerId

    with opened(home) as where:
        found = work_out(where, CustomerId(customer))
    if as_json:
        print_json(_exposure_json(found))
    else:
        for account in found.accounts:
            _say_account(found, account)


def _say_account(found: Exposure, account: AccountExposure) -> None:
    from tieout.flows.policy import NOT_SIGNED
    from tieout.kernel.instant import format_instant

    now, projected = account.now, account.projected
    period = f"{format_instant(account.period.start)} to {format_instant(account.period.end)}"
    title = f"{found.customer}: {period}, at {format_instant(found.at)}, as of batch {found.watermark}"
    heading = {line.id: line for line in projected.invoice.lines} if projected is not None else {}
    rows = []
    for line in now.invoice.lines:
        ahead = heading.get(line.id)
        rows.append(
            [
                line.description,
                grouped(str(line.quantity)),
                line.unit,
                grouped(line.amount.decimal_text),
                "-" if ahead is None else grouped(str(ahead.quantity)),
                "-" if ahead is None else grouped(ahead.amount.decimal_text),
            ]
        )
    say(table(("line", "quantity>", "unit", "amount now>", "quantity at end>", "at end>"), rows, title=title))
    sums = [
        [name, grouped(mine), "-" if projected is None else grouped(_sums(projected)[name])]
        for name, mine in _sums(now).items()
    ]
    code = now.invoice.currency.code
    say(table((f"in {code}", "now>", "at its end>"), sums))
    say(f"At its end: {found.method}.")
    if not account.is_signed:
        note(f"These amounts are {NOT_SIGNED}: no signed policy governs the period.")
    if account.earlier_open:
        note("An earlier period is not billed yet; credits and commitments stand as before it.")


def _sums(cost: Cost) -> dict[str, str]:
    invoice = cost.invoice
    shown = {"lines": invoice.subtotal.decimal_text, "total": invoice.total.decimal_text}
    shown |= {"still to pay": cost.due.decimal_text, "billed inside the period": cost.interims.decimal_text}
    shown |= {"cost of the period": cost.spent.decimal_text}
    if cost.committed.minor:
        shown |= {"drawn": cost.drawn.decimal_text, "committed": cost.committed.decimal_text}
    return shown


def _exposure_json(found: Exposure) -> Json:
    from tieout.flows.policy import NOT_SIGNED
    from tieout.kernel.instant import format_instant

    return {
        "customer": found.customer,
        "watermark": found.watermark,
        "at": format_instant(found.at),
        "method": found.method,
        "accounts": [
            {
                "period": {
                    "start": format_instant(account.period.start),
                    "end": format_instant(account.period.end),
                },
                "standing": None if account.is_signed else NOT_SIGNED,
                "earlier_period_open": account.earlier_open,
                "now": cost_json(account.now),
                "projected": None if account.projected is None else cost_json(account.projected),
            }
            for account in found.accounts
        ],
    }


def cost_json(cost: Cost) -> Json:
    """One draft; decimals are strings."""
    invoice = cost.invoice
    return {
        "currency": invoice.currency.code,
        "due": cost.due.decimal_text,
        "total": invoice.total.decimal_text,
        "subtotal": invoice.subtotal.decimal_text,
        "interims": cost.interims.decimal_text,
        "spent": cost.spent.decimal_text,
        "credits": [{"of": each.account, "amount": each.amount.decimal_text} for each in invoice.credits],
        "commitments": {"drawn": cost.drawn.decimal_text, "committed": cost.committed.decimal_text},
        "lines": [
            {
                "description": line.description,
                "price": line.price,
                "quantity": str(line.quantity),
                "unit": line.unit,
                "amount": line.amount.decimal_text,
            }
            for line in invoice.lines
        ],
    }
