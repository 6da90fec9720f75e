"""What changed a historical total, and how that was approved: on papers, and as the log stands now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tieout.contract.catalog import Catalog
from tieout.contract.policy import LateApproval
from tieout.evidence.stored_corrections import BilledCorrection, StoredReport
from tieout.flows.bill_corrections import Due, corrections_due
from tieout.flows.correct import stretch
from tieout.flows.correction_papers import note_of
from tieout.flows.delta_report import report_digest
from tieout.flows.find_corrections import Sought, find_corrections
from tieout.flows.home import Home
from tieout.flows.policy import PolicyState, governing
from tieout.flows.rerate_periods import PeriodCorrection
from tieout.kernel.ids import CustomerId, Watermark
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.readiness.backfill import BY_POLICY, approval_of
from tieout.readiness.facts import BackfillFacts, ChangedTotal

RULES = {
    LateApproval.DELTA_REPORT: "a person, on a delta report that another person had worked out",
    LateApproval.POLICY: "the signed policy, in advance",
}


def backfill_facts(
    home: Home, catalog: Catalog, states: Sequence[PolicyState], now: Instant
) -> BackfillFacts:
    governs = governing(states, now)
    rule = "nobody: no policy is in force" if governs is None else RULES[governs.policy.late_approval]
    reports = {each.digest: each for each in home.books.corrections.reports()}
    billed = tuple(_billed(home, each, reports, states) for each in home.books.corrections.billed())
    return BackfillFacts(rule, billed, tuple(_waiting(home, catalog, states)))


def _billed(
    home: Home, found: BilledCorrection, reports: dict[str, StoredReport], states: Sequence[PolicyState]
) -> ChangedTotal:
    stored = home.books.invoices.find(found.invoice)
    paper = found.invoice if stored is None else stored.number
    approval, problem = _approval(found, reports, states)
    return ChangedTotal(found.customer, stretch(found.period), paper, approval, problem)


def _approval(
    found: BilledCorrection, reports: dict[str, StoredReport], states: Sequence[PolicyState]
) -> tuple[str, str | None]:
    report = reports.get(found.digest)
    state = governing(states, found.period.start)
    return approval_of(
        found.digest,
        report,
        digest_now="" if report is None else report_digest(report.report),
        in_advance=state is not None and state.policy.late_approval is LateApproval.POLICY,
    )


def _waiting(home: Home, catalog: Catalog, states: Sequence[PolicyState]) -> Iterator[ChangedTotal]:
    """Sealed periods that come to something else now. One is approved only as it comes out now: what came
    since a report was approved is not in it."""
    head = home.log.head()
    found = find_corrections(home, catalog, states, Sought(None, "readiness"), watermark=head)
    for stopped in found.stopped:
        period = "" if stopped.period is None else stretch(stopped.period)
        yield ChangedTotal(stopped.customer, period, "", "", "whether it changed cannot be worked out")
    if not found.corrections:
        return
    customers = tuple(sorted({each.sealed.customer for each in found.corrections}))
    due = corrections_due(home, catalog, states, customers=customers, cutoff=Watermark(head))
    approved: dict[tuple[CustomerId, Period], Due] = {
        (customer, each.correction.sealed.period): each for customer, dues in due.due.items() for each in dues
    }
    for each in found.corrections:
        yield _changed(each, approved.get((each.sealed.customer, each.sealed.period)), found.watermark)


def _changed(found: PeriodCorrection, approved: Due | None, watermark: Watermark) -> ChangedTotal:
    known = (found.sealed.customer, stretch(found.sealed.period), found.sealed.invoice.number)
    if approved is not None and _asked(approved.correction) == _asked(found):
        told = f"report {approved.approval[:16]}, to be billed" if approved.approval else BY_POLICY
        return ChangedTotal(*known, told, None)
    total = note_of(found, watermark=watermark).total
    said = f"late data changes it by {total}, and no delta report of that is approved"
    return ChangedTotal(*known, "", said)


def _asked(found: PeriodCorrection) -> list[tuple[str, int, str, str]]:
    """What its lines come to."""
    charges = (each.charge for each in found.billables)
    return sorted(
        (each.price.key, each.segment.start, str(each.quantity), str(each.amount)) for each in charges
    )
