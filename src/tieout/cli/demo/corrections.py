"""How late usage is billed: worked out, approved by another person, and asked for on the next invoice; and
what all of it means for the ledger."""

from __future__ import annotations

from tieout.cli.demo.acts import Show
from tieout.cli.demo.tally import expect
from tieout.cli.ledger_shown import trial_table
from tieout.cli.screen import grouped
from tieout.flows.correct import approve, preview
from tieout.flows.invoices import list_invoices, show_invoice
from tieout.flows.ledger import selected, trial
from tieout.flows.trace_line import trace
from tieout.invoice.stored_document import LineOfDocument, read_document
from tieout.kernel.ids import LineId

PREVIEWED_BY, APPROVED_BY = "Omar Reyes", "Fatima Lund"


def correct_late(show: Show) -> None:
    """One person has the sealed months worked out as known now, another lets the difference be billed."""
    home, narrator = show.stage.home, show.narrator
    found = preview(home, person=PREVIEWED_BY, reason="events that the gateway sent late")
    expect("periods that could not be worked out", expected=(), found=found.stopped)
    events = grouped(str(sum(period.late_events for period in found.periods)))
    lines = grouped(str(sum(len(period.lines) for period in found.periods)))
    assert found.digest is not None, "late events were sent on purpose"
    approve(home, found.digest, person=APPROVED_BY, reason="read, and agreed with the gateway")
    narrator.tell(
        f"Late data: {events} late events change {lines} lines of {len(found.periods)} sealed invoices. "
        f"Delta report {found.digest[:16]}, worked out for {PREVIEWED_BY}, approved by {APPROVED_BY}: the "
        "close that follows bills the differences on lines of their own."
    )


def show_corrected(show: Show) -> None:
    """The corrected line that moves the most money: before, now, what is billed; and its trace."""
    home, narrator = show.stage.home, show.narrator
    billed = [
        (line, row.number)
        for row in list_invoices(home)
        for line in read_document(row.id, show_invoice(home, row.id).document).lines
        if line.correction is not None
    ]
    expect("whether corrections were billed", expected=True, found=bool(billed))
    line, number = max(billed, key=lambda each: _minor_units(each[0]))
    found = trace(home, LineId(line.id), page=1, page_size=1)
    expect(f"the trace of {line.id} to match", expected=True, found=found.reproduced.matches)
    narrator.tell(
        f"{len(billed)} corrected lines were billed. The one with most money, {line.id} of {number}: "
        f"{line.description}, {grouped(line.quantity)} {line.unit} more, {line.amount}. Its trace works out "
        "the sealed month again with all its events, takes off what was billed, and matches."
    )


def show_ledger(show: Show) -> None:
    """Debits and credits of every account."""
    home = show.stage.home
    rows, sums = trial(home, selected(home))
    expect("debits less credits", expected=[], found=[code for code, minor in sums.items() if minor])
    show.narrator.show(trial_table(rows, sums))


def _minor_units(line: LineOfDocument) -> int:
    return abs(int(line.amount.replace(".", "")))
