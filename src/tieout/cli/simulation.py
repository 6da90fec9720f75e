"""What a simulation found, as tables and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieout.cli.screen import Json, grouped, plain, say, table

if TYPE_CHECKING:
    from tieout.flows.simulate_prices import SimulatedInvoice, SimulatedLine, Simulation
    from tieout.kernel.money import Money


def say_simulation(found: Simulation) -> None:
    """Each period with its lines, then the customers' totals."""
    from tieout.kernel.instant import format_instant

    for invoice in found.invoices:
        period = f"{format_instant(invoice.period.start)} to {format_instant(invoice.period.end)}"
        code = invoice.total_before.currency.code
        title = f"{invoice.customer}: invoice {invoice.number}, {period}, as of batch {invoice.cutoff}"
        if invoice.problem is not None:
            say(plain(f"{title}\n  cannot be rated so: {invoice.problem}"))
            continue
        columns = ("line", "program", "quantity>", f"before ({code})>", f"after ({code})>", "difference>", "")
        say(table(columns, [*map(_row, invoice.lines), _total_row(invoice)], title=title))
        if invoice.drift is not None and invoice.drift.minor:
            drift = grouped(invoice.drift.decimal_text)
            say(f"  Of this, {drift} {code} come of what was applied since the period was sealed.")
    for before, after in found.totals:
        difference = grouped((after - before).decimal_text)
        words = f"before {grouped(before.decimal_text)}, after {grouped(after.decimal_text)}"
        say(f"All together: {words} {before.currency.code}; difference {difference}")
    say(f"Simulated, not billed: {found.standing}.")


def _row(line: SimulatedLine) -> list[str]:
    word = "new" if line.amount_before is None else "removed" if line.amount_after is None else ""
    return [
        line.description,
        line.program or "",
        _quantity(line),
        _shown(line.amount_before),
        _shown(line.amount_after),
        _signed(line.difference),
        word,
    ]


def _quantity(line: SimulatedLine) -> str:
    """Once where it stays the same, else before and after."""
    found = [grouped(text) for text in (line.quantity_before, line.quantity_after) if text is not None]
    return " / ".join(dict.fromkeys(found))


def _total_row(invoice: SimulatedInvoice) -> list[str]:
    assert invoice.total_after is not None, "without a problem there is a total"
    difference = _signed(invoice.total_after - invoice.total_before)
    return ["Total", "", "", _shown(invoice.total_before), _shown(invoice.total_after), difference, ""]


def _shown(money: Money | None) -> str:
    return "-" if money is None else grouped(money.decimal_text)


def _signed(money: Money) -> str:
    return f"+{grouped(money.decimal_text)}" if money.minor > 0 else grouped(money.decimal_text)


def simulation_json(found: Simulation) -> Json:
    """Everything of the tables; amounts are decimal texts."""
    return {
        "standing": found.standing,
        "differs": found.differs,
        "invoices": [_invoice_json(invoice) for invoice in found.invoices],
        "totals": [
            {
                "currency": before.currency.code,
                "before": before.decimal_text,
                "after": after.decimal_text,
                "difference": (after - before).decimal_text,
            }
            for before, after in found.totals
        ],
    }


def _invoice_json(invoice: SimulatedInvoice) -> Json:
    from tieout.kernel.instant import format_instant

    after = invoice.total_after
    return {
        "invoice": invoice.invoice,
        "number": invoice.number,
        "customer": invoice.customer,
        "period": {
            "start": format_instant(invoice.period.start),
            "end": format_instant(invoice.period.end),
        },
        "cutoff": invoice.cutoff,
        "currency": invoice.total_before.currency.code,
        "problem": invoice.problem,
        "before": invoice.total_before.decimal_text,
        "after": _text(after),
        "difference": None if after is None else (after - invoice.total_before).decimal_text,
        "since_the_seal": _text(invoice.drift),
        "lines": [
            {
                "subscription": line.subscription,
                "price": line.price,
                "program": line.program,
                "description": line.description,
                "quantity_before": line.quantity_before,
                "quantity_after": line.quantity_after,
                "before": _text(line.amount_before),
                "after": _text(line.amount_after),
                "difference": line.difference.decimal_text,
            }
            for line in invoice.lines
        ],
    }


def _text(money: Money | None) -> str | None:
    return None if money is None else money.decimal_text
