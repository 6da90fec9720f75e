"""Reconciliation between closes: the ties of what is due and of what is sealed, without closing anything, and
a rerun of just the papers that a repair touches.

What a rerun finds to change of anything that was shown is a delta report: another person approves it by its
digest before a close bills it, be it a draft's or a sealed period's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tieout.close.breaks import Break
from tieout.close.outcome import Outcome
from tieout.close.reconcile_cycle import CycleTies
from tieout.close.reconcile_sealed import sealed_line_breaks
from tieout.flows import correct, drafts
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.close_periods import CloseReport, close
from tieout.flows.cycle_ties import cycle_ties
from tieout.flows.home import Home
from tieout.flows.trace_line import trace
from tieout.invoice.difference import DraftDifference
from tieout.kernel.errors import NotFound, Refusal, shown
from tieout.kernel.ids import CustomerId, InvoiceId, LineId
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.ports import RecordedBreak

DIGEST_LENGTH_MIN = 8


class NothingToRerun(NotFound):
    """The name is of no customer with a due or sealed period, and of no invoice."""

    code = "nothing-to-rerun"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"There is no customer, draft or invoice {shown(name)}; `tieout reconcile list` names what is "
            "held."
        )


class NoSuchDelta(NotFound):
    """No delta report of a draft or of sealed periods has this digest."""

    code = "no-such-delta"

    def __init__(self, digest: str) -> None:
        super().__init__(
            f"There is no delta report {shown(digest)} to approve (give 8 digits of it or more); "
            "`tieout reconcile rerun` and `tieout correction list` name them."
        )


class AmbiguousDelta(Refusal):
    """More than one delta report begins like this."""

    code = "ambiguous-delta"

    def __init__(self, digest: str) -> None:
        super().__init__(f"More than one delta report begins with {digest}; give more digits of it.")


class EmptyWindow(Refusal):
    """A window ends after it starts."""

    code = "empty-window"

    def __init__(self) -> None:
        super().__init__("--until must be after --from.")


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """`outcomes`: what a close would do with each account, and why. `cycle`: what holds all of them.
    `sealed`: how many sealed papers were computed again; `drifted`: those that came out otherwise."""

    as_of: Instant
    outcomes: tuple[tuple[CustomerId, Period | None, Outcome], ...]
    cycle: tuple[Break, ...]
    sealed: int
    drifted: tuple[tuple[InvoiceId, tuple[Break, ...]], ...]


@dataclass(frozen=True, slots=True)
class Rerun:
    """`redrafted`: each draft with its outcome and what changed; `delta` is the digest to approve, if events
    changed it. `sealed`: what has become of sealed periods. `due`: what is due and not drafted for review."""

    redrafted: tuple[tuple[InvoiceId, Outcome, DraftDifference | None, str | None], ...]
    sealed: correct.Preview | None
    due: CloseReport | None


@dataclass(frozen=True, slots=True)
class ApprovedDelta:
    """`what` is the draft's invoice, or "sealed periods". `before`: when the person had approved it
    already."""

    digest: str
    what: str
    person: str
    before: Instant | None = None


def reconcile_now(
    home: Home,
    *,
    as_of: Instant,
    customers: tuple[CustomerId, ...] | None = None,
    start: Instant | None = None,
    until: Instant | None = None,
) -> Reconciliation:
    """Writes nothing. With a window, only periods that overlap it, sealed ones among them; without one, no
    sealed paper is computed again. Raises as `close` does, and `EmptyWindow`."""
    if start is not None and until is not None and start >= until:
        raise EmptyWindow
    report = close(home, as_of=as_of, customers=customers, dry_run=True)
    outcomes = tuple(
        (customer, period, outcome)
        for customer, period, outcome in report.outcomes
        if period is None or _inside(period, start, until)
    )
    periods = [period for _, period, _ in outcomes if period is not None]
    if start is not None and until is not None:
        periods.append(Period(start, until))
    ties: CycleTies = cycle_ties(home, periods, cutoff=report.cutoff, now=home.clock.now())
    drifted: list[tuple[InvoiceId, tuple[Break, ...]]] = []
    count = 0
    if start is not None or until is not None:
        for invoice in home.books.invoices.sealed():
            if (customers is None or invoice.customer in customers) and _inside(invoice.period, start, until):
                count += 1
                breaks = sealed_breaks(home, invoice.id)
                if breaks:
                    drifted.append((invoice.id, tuple(breaks)))
    return Reconciliation(as_of, outcomes, tuple(each.found for each in ties.breaks), count, tuple(drifted))


def sealed_breaks(home: Home, invoice: InvoiceId) -> list[Break]:
    """Each line computed again from the events as of the invoice's own cutoff: the same question must have
    the same answer for ever."""
    stored = home.books.invoices.find(invoice)
    assert stored is not None, "it was listed"
    lines = [LineId(line["id"]) for line in json.loads(stored.document)["lines"]]
    return [
        found
        for line in lines
        for found in sealed_line_breaks(line, trace(home, line, page_size=1).reproduced.differences)
    ]


def rerun(home: Home, name: str, *, person: str, reason: str) -> Rerun:
    """Of one customer, or of one draft or sealed invoice. Raises `NothingToRerun`."""
    redrafted, sealed = [], None
    for each in _open_drafts(home, name):
        outcome, view = drafts.redraft(home, each, person=person, reason=reason)
        digest = None if view is None else view.draft.delta
        redrafted.append((each, outcome, None if view is None else view.difference, digest))
    customer = _sealed_customer(home, name)
    if customer is not None:
        sealed = correct.preview(home, person=person, reason=reason, customers=(customer,))
    due = None
    if name in load_catalog(home).customers:
        due = close(home, as_of=home.clock.now(), customers=(CustomerId(name),), dry_run=True)
    if not redrafted and sealed is None and due is None:
        raise NothingToRerun(name)
    return Rerun(tuple(redrafted), sealed, due)


def approve(home: Home, digest: str, *, person: str, reason: str) -> ApprovedDelta:
    """Of a draft or of sealed periods, by digest. Raises `NoSuchDelta`, `AmbiguousDelta`, or what the one who
    approves such a report is told."""
    if len(digest) < DIGEST_LENGTH_MIN:
        raise NoSuchDelta(digest)
    of_drafts = [
        each for each in home.books.drafts.open() if each.delta is not None and each.delta.startswith(digest)
    ]
    of_sealed = [each for each in correct.reports(home) if each.digest.startswith(digest)]
    if len(of_drafts) + len(of_sealed) > 1:
        raise AmbiguousDelta(digest)
    for draft in of_drafts:
        said = drafts.approve_delta(home, draft.invoice, digest=digest, person=person, reason=reason)
        before = None if said.is_new else said.entry.recorded_at
        return ApprovedDelta(draft.delta or digest, draft.invoice, person, before)
    for report in of_sealed:
        done = correct.approve(home, report.digest, person=person, reason=reason)
        return ApprovedDelta(done.digest, "sealed periods", done.person, done.before)
    raise NoSuchDelta(digest)


def open_breaks(home: Home) -> tuple[RecordedBreak, ...]:
    """What holds an account now, by the last close that looked at it, and what the last close noted."""
    return home.books.breaks.open()


def breaks_of(home: Home, name: str) -> tuple[RecordedBreak, ...]:
    """Every break that a close ever found of a customer or invoice, repaired ones too. Raises
    `NothingToRerun`."""
    found = home.books.breaks.of(name)
    known = name in load_catalog(home).customers or home.books.invoices.find(name) is not None
    if not found and not known and not any(name == each.invoice for each in home.books.drafts.open()):
        raise NothingToRerun(name)
    return found


def _inside(period: Period, start: Instant | None, until: Instant | None) -> bool:
    return (start is None or period.end > start) and (until is None or period.start < until)


def _open_drafts(home: Home, name: str) -> Iterator[InvoiceId]:
    sealed: Sequence[InvoiceId] = [each.id for each in home.books.invoices.sealed()]
    for each in home.books.drafts.open():
        if name in (each.invoice, each.customer) and each.invoice not in sealed:
            yield each.invoice


def _sealed_customer(home: Home, name: str) -> CustomerId | None:
    found = home.books.invoices.find(name)
    if found is not None:
        return found.customer
    customer = CustomerId(name)
    return customer if home.books.invoices.sealed(customer) else None
