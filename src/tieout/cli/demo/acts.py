"""What both demos do: read twice, close, print an invoice, trace, verify. Each act checks what it shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tieout.cli.close import say_close_to
from tieout.cli.demo.narrator import Narrator
from tieout.cli.demo.stage import Stage
from tieout.cli.demo.tally import DemoDiffers, expect, tally
from tieout.cli.ingest import reason_rows, report_rows
from tieout.cli.invoice_page import invoice_page
from tieout.cli.screen import grouped, progress, table
from tieout.cli.timed_ingest import Timed, timed_ingest
from tieout.cli.trace import trace_page
from tieout.close.outcome import WAITING, outcome_name
from tieout.evidence.stored import StoredInvoice
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.close_periods import close
from tieout.flows.compact_log import compact_log
from tieout.flows.invoices import list_invoices, show_invoice
from tieout.flows.late_events import LateRow, late_rows
from tieout.flows.pipeline_alerts import close_alert, list_alerts
from tieout.flows.trace_line import Trace, trace
from tieout.flows.verify_log import verify_log
from tieout.flows.watch_pipeline import watch_to_head
from tieout.invoice.stored_document import LineOfDocument, read_document
from tieout.kernel.ids import CustomerId, LineId
from tieout.kernel.instant import Instant, format_instant
from tieout.kernel.quantity import QUANTITY_ZERO

TRACE_PAGE_SIZE = 5
INVOICES_LISTED_MAX = 10
OPS = "Chiara Russo"
WHY_TWICE = "this demo reads each file twice, to show that nothing is counted twice"


@dataclass(slots=True)
class Show:
    """One run of the demo: its stage, its narrator, and what it has read so far."""

    stage: Stage
    narrator: Narrator
    first: list[Timed] = field(default_factory=list)
    again: list[Timed] = field(default_factory=list)
    traced: Trace | None = None


def ingest_twice(show: Show, paths: list[Path], *, source: str | None = None) -> list[Timed]:
    """Read each file, then read it again: nothing of the second reading may be accepted."""
    first = [timed_ingest(show.stage.home, path, format=None, source=source) for path in paths]
    compact_log(show.stage.home)
    again = [timed_ingest(show.stage.home, path, format=None, source=source) for path in paths]
    columns = (
        "file",
        "reading",
        "received>",
        "accepted>",
        "duplicate>",
        "conflict>",
        "quarantined>",
        "events/s>",
    )
    rows = [
        [report_row[0], reading, *report_row[1:]]
        for reading, reports in (("first", first), ("again", again))
        for report_row in report_rows(reports)
    ]
    show.narrator.show(table(columns, rows))
    for reports in (first, again):
        counted = tally(reports)
        if not counted.ties:
            raise DemoDiffers(
                "received = accepted + duplicate + conflict + quarantined", expected=True, found=counted
            )
    expect("what a second reading adds", expected=0, found=tally(again).accepted)
    show.first += first
    show.again += again
    return first


def tell_equation(show: Show) -> None:
    """Law L1 over everything that was received."""
    for words, reports in (("First readings", show.first), ("Second readings", show.again)):
        found = tally(reports)
        parts = (found.received, found.accepted, found.duplicate, found.conflict, found.quarantined)
        received, accepted, duplicate, conflict, quarantined = (grouped(str(part)) for part in parts)
        show.narrator.tell(
            f"{words}: {received} received = {accepted} accepted + {duplicate} duplicate "
            f"+ {conflict} conflict + {quarantined} quarantined."
        )
    if reasons := reason_rows(show.first):
        show.narrator.show(table(("not accepted because", "items>"), reasons))


def close_months(show: Show, as_of: Instant) -> None:
    """Close what is due; every account must end sealed or not due. An open alert would hold them all."""
    close_alerts(show)
    with progress("Closing") as advance:
        report = close(show.stage.home, as_of=as_of, customers=None, dry_run=False, progress=advance)
    say_close_to(show.narrator.show, report, invoices=len(report.invoices) <= INVOICES_LISTED_MAX)
    unfinished = [customer for customer, _, outcome in report.outcomes if outcome_name(outcome) in WAITING]
    expect("accounts held or parked", expected=[], found=unfinished)


def close_alerts(show: Show) -> None:
    """Reading a file twice shifts its source's rate of duplicates where there is little else: ops says so."""
    home = show.stage.home
    watch_to_head(home)
    for alert in list_alerts(home):
        close_alert(home, alert.id, by=OPS, reason=WHY_TWICE)
        show.narrator.tell(f"Alert {alert.id} closed by {OPS}: {WHY_TWICE}.")


def show_invoice_page(show: Show, customer: CustomerId, instant: Instant) -> StoredInvoice:
    """Print the customer's invoice for the period that holds `instant`."""
    rows = [row for row in list_invoices(show.stage.home, customer=customer) if row.period.contains(instant)]
    expect(f"the number of invoices of {customer}", expected=1, found=len(rows))
    stored = show_invoice(show.stage.home, rows[0].id)
    show.narrator.show(invoice_page(read_document(rows[0].id, stored.document)))
    return stored


def trace_and_reproduce(show: Show, stored: StoredInvoice) -> None:
    """Trace the dearest of the lines with many events; it must come out the same."""
    document = read_document("the invoice", stored.document)
    many = max(_events_count(line) for line in document.lines) // 4
    chosen = max((line for line in document.lines if _events_count(line) >= many), key=_minor_units)
    found = trace(show.stage.home, LineId(chosen.id), page=1, page_size=TRACE_PAGE_SIZE)
    show.narrator.show(trace_page(found))
    expect(f"the trace of {chosen.id} to match", expected=True, found=found.reproduced.matches)
    show.traced = found


def _events_count(line: LineOfDocument) -> int:
    return 0 if line.snapshot is None else line.snapshot.event_count


def _minor_units(line: LineOfDocument) -> int:
    """Amounts of one invoice have the same number of decimals."""
    return int(line.amount.replace(".", ""))


def show_late(show: Show) -> None:
    """Late events by sealed month and meter, over all customers."""
    found: dict[tuple[str, str], list[LateRow]] = {}
    home = show.stage.home
    for late in late_rows(home, load_catalog(home), home.log.manifest(), None):
        middle = (late.period.start + late.period.end) // 2
        month = format_instant(Instant(middle))[:7]
        found.setdefault((month, late.meter), []).append(late)
    rows = [
        [
            month,
            meter,
            str(len({late.invoice for late in lates})),
            grouped(str(sum(late.event_count for late in lates))),
            grouped(str(sum((late.quantity for late in lates), QUANTITY_ZERO))),
        ]
        for (month, meter), lates in sorted(found.items())
    ]
    columns = ("sealed month", "meter", "invoices>", "late events>", "quantity>")
    show.narrator.show(table(columns, rows))
    show.narrator.tell("They wait, visibly, for a correction; `tieout usage CUSTOMER` shows a customer's.")


def verify_everything(show: Show) -> None:
    """Recompute every digest of the log."""
    with progress("Verifying the log") as advance:
        report = verify_log(show.stage.home, progress=advance)
    expect("findings of verify", expected=[], found=[str(finding) for finding in report.findings])
    show.narrator.tell(
        f"{grouped(str(report.batches))} batches, {grouped(str(report.received))} received items and "
        f"{grouped(str(report.segments))} segments recomputed: every digest is as it was written."
    )
