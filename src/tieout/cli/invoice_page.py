"""An invoice as a person wants to read it, drawn from the stored document and nothing else.

Days are the customer's: a period that begins and ends at local midnight reads "1 January to 31 January 2026".
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from tieout.cli.corrected_line import correction_rows
from tieout.cli.invoice_totals import invoice_totals
from tieout.cli.screen import grouped, plain
from tieout.invoice.invoice import KIND_INTERIM
from tieout.kernel.instant import Instant, parse_instant, to_datetime
from tieout.kernel.zone import zone

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import RenderableType

    from tieout.invoice.stored_document import (
        LineOfDocument,
        ProgramOfDocument,
        StoredDocument,
        WaiverOfDocument,
    )


def invoice_page(paper: StoredDocument) -> RenderableType:
    """Seller, customer, number and dates; lines with their working; totals."""
    return Group(
        _heading(paper),
        Text(),
        _parties(paper),
        Text(),
        _lines(paper),
        invoice_totals(paper),
        Text(),
        _foot(paper),
    )


def local_span(start: str, end: str, zone_name: str) -> str:
    """A half-open period in days of the customer, the last one included; with times where not midnight."""
    first, after_last = _local(parse_instant(start), zone_name), _local(parse_instant(end), zone_name)
    if _is_midnight(first) and _is_midnight(after_last):
        return _days(first.date(), after_last.date() - timedelta(days=1))
    return f"{first:%Y-%m-%d %H:%M:%S} to {after_last:%Y-%m-%d %H:%M:%S}"


def _heading(paper: StoredDocument) -> RenderableType:
    grid = Table.grid(expand=True)
    grid.add_column()
    grid.add_column(justify="right")
    seller = paper.seller
    interim = paper.kind == KIND_INTERIM and paper.paper == "invoice"
    name = "Interim invoice" if interim else paper.paper.capitalize()
    title = f"{name} {paper.number}" if paper.number else f"{name} draft, no number yet"
    status = "sealed" if paper.status == "sealed" else f"{paper.status.upper()}: not to be paid"
    grid.add_row(Text(plain(seller.name), style="bold"), Text(title, style="bold"))
    right = [paper.id, status]
    right += [f"replaces {', '.join(paper.replaces)}, voided"] if paper.replaces else []
    left = [
        *seller.address,
        *([f"Tax id {seller.tax_id}"] if seller.tax_id else []),
        *([seller.email] if seller.email else []),
    ]
    for row in range(max(len(left), len(right))):
        grid.add_row(Text(plain(_nth(left, row)), style="dim"), Text(plain(_nth(right, row)), style="dim"))
    return grid


def _parties(paper: StoredDocument) -> RenderableType:
    customer = paper.customer
    left = ["Bill to", customer.name, *customer.address]
    left += [f"Tax id {customer.tax_id}"] if customer.tax_id else []
    left += [customer.email] if customer.email else []
    right = [("Period", _period(paper)), ("Time zone", paper.period.zone)]
    if paper.off_cycle is not None:
        right.append(("Off cycle, as of", _moment(parse_instant(paper.off_cycle.as_of), paper)))
    if paper.issued_at:
        issued = _local(parse_instant(paper.issued_at), paper.period.zone).date()
        right.append(("Issued", _day(issued)))
    if paper.due_date and paper.paper != "credit note":  # nobody has to pay it
        right.append(("Due", f"{_day(date.fromisoformat(paper.due_date))} ({paper.terms.text})"))
    if paper.purchase_order:
        right.append(("Purchase order", paper.purchase_order))
    grid = Table.grid(expand=True, padding=(0, 2))
    grid.add_column(ratio=1)
    grid.add_column()
    grid.add_column(ratio=1)
    for row in range(max(len(left), len(right))):
        name, value = right[row] if row < len(right) else ("", "")
        style = "dim" if row == 0 else "bold" if row == 1 else ""
        grid.add_row(Text(plain(_nth(left, row)), style=style), Text(name, style="dim"), Text(plain(value)))
    return grid


def _lines(paper: StoredDocument) -> RenderableType:
    drawn = Table(box=box.SIMPLE_HEAD, expand=True, pad_edge=False)
    drawn.add_column("Line")
    drawn.add_column("Description and working", ratio=1)
    drawn.add_column("Quantity", justify="right", no_wrap=True)
    drawn.add_column("Unit")
    drawn.add_column(f"Amount ({paper.currency})", justify="right", no_wrap=True)
    for program, lines in groupby(paper.lines, key=lambda line: line.program):
        together = list(lines)
        if program is not None:
            drawn.add_row(Text(), _program(program))
        for line in together:
            drawn.add_row(
                Text(line.id.rpartition("-")[2], style="dim"),
                _description(line, paper.period.zone),
                Text("" if line.meter is None and line.quantity == "1" else grouped(line.quantity)),
                Text("" if line.meter is None else plain(line.unit)),
                Text(grouped(line.amount)),
            )
        if program is not None and len(together) > 1:
            amount = grouped(str(sum(Decimal(line.amount) for line in together)))
            words = Text(plain(f"{program.name} together: {amount}"), style="dim italic")
            drawn.add_row(Text(), words)
    return drawn


def _program(program: ProgramOfDocument) -> Text:
    """The heading of a program's lines, with where its fees were read."""
    text = Text(plain(program.name), style="bold")
    named = f"program {program.key} version {program.version}"
    return text.append(
        plain(f"\n{named}, fees as of {program.as_of}: {program.source}"), style="dim not bold"
    )


def _description(line: LineOfDocument, zone_name: str) -> Text:
    text = Text(plain(line.description))
    for step in line.steps:
        text.append(f"\n  {plain(step.text)}", style="dim")
    if line.settlement is not None:
        text.append(f"\n  {plain(line.settlement)}", style="dim")
    if line.correction is not None:
        period = line.correction.period
        span = local_span(period.start, period.end, zone_name)
        for row in correction_rows(line, line.correction, span):
            text.append(f"\n  {plain(row)}", style="dim")
    elif line.cumulative is not None:
        said = f"in all {_quantity(line, line.cumulative.quantity)}{grouped(line.cumulative.amount)}"
        text.append(f"\n  {said}", style="dim")
    for each in () if line.correction is not None else line.earlier:
        said = f"less {_quantity(line, each.quantity)}{grouped(each.amount)} on {each.number}"
        text.append(f"\n  {plain(said)}", style="dim")
    if line.snapshot is not None and line.snapshot.retracted_count:
        count = line.snapshot.retracted_count
        text.append(f"\n  {grouped(str(count))} retracted, not counted", style="dim")
    if line.amount_after_discounts not in (None, line.amount):
        text.append(f"\n  after discounts {grouped(line.amount_after_discounts)}", style="dim")
    return text.append(f"\n  {plain(_versions(line))}", style="dim italic")


def _quantity(line: LineOfDocument, quantity: str) -> str:
    """Nothing for what has no meter."""
    return "" if line.meter is None else f"{grouped(quantity)} {plain(line.unit)}: "


def _versions(line: LineOfDocument) -> str:
    """Under which versions the line stands, and since when its price is in force."""
    since = line.price_effective_from.removesuffix("T00:00:00Z")
    named = f"price {line.price} version {line.price_version} from {since}"
    named += f", plan {line.plan} version {line.plan_version}"
    return (
        named
        if line.snapshot is None
        else f"{named}, meter {line.meter} version {line.snapshot.meter_version}"
    )


def _foot(paper: StoredDocument) -> RenderableType:
    policy = paper.policy
    signed = ", ".join(signature.role for signature in policy.signatures)
    named = f"Policy {policy.key} version {policy.version}"
    words = [f"{named}, signed by {signed}." if signed else f"Not under a signed policy ({named})."]
    if policy.small_team_exception:
        words.append(f"Small team exception: {policy.small_team_exception}.")
    if paper.off_cycle is not None:
        facts = "; ".join(each.text for each in paper.off_cycle.conditions)
        words.append(
            f"Billed inside its period under that policy's off-cycle rule: {facts}. "
            "The final invoice of the period bills the rest, with fees and minimums."
        )
    words += [
        f"Meter {each.meter} version {each.version}, signed by {each.owner}."
        for each in paper.meter_approvals
    ]
    words += [_waived(each) for each in paper.waivers]
    words.append(f"Usage as of batch {grouped(str(paper.cutoff))} of the log.")
    if paper.lines:
        words.append(f"To see the events behind a line: tieout trace {paper.lines[0].id}")
    return Text(plain(" ".join(words[:-1]) + "\n" + words[-1]), style="dim")


def _waived(each: WaiverOfDocument) -> str:
    signed = ", ".join(f"{signer.person} ({signer.role})" for signer in each.signed_by)
    what = f"{each.source} {each.statement}, {each.difference}"
    return f"Waived: {what}, because {each.reason}; signed by {signed}."


def _moment(instant: Instant, paper: StoredDocument) -> str:
    return f"{_local(instant, paper.period.zone):%Y-%m-%d %H:%M:%S}"


def _local(instant: Instant, zone_name: str) -> datetime:
    return to_datetime(instant).astimezone(zone(zone_name))


def _period(paper: StoredDocument) -> str:
    return local_span(paper.period.start, paper.period.end, paper.period.zone)


def _is_midnight(moment: datetime) -> bool:
    return (moment.hour, moment.minute, moment.second, moment.microsecond) == (0, 0, 0, 0)


def _days(first: date, last: date) -> str:
    if first == last:
        return _day(first)
    if first.year == last.year:
        return f"{first.day} {first:%B} to {_day(last)}"
    return f"{_day(first)} to {_day(last)}"


def _day(day: date) -> str:
    return f"{day.day} {day:%B} {day.year}"


def _nth(texts: list[str], index: int) -> str:
    return texts[index] if index < len(texts) else ""
