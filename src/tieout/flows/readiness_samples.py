"""Sample accounts beside what the run gave: the sealed paper, the draft that waits, or one that a close would
make now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from tieout.contract.catalog import Catalog
from tieout.evidence.stored import StoredInvoice
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.close_periods import close
from tieout.flows.home import Home
from tieout.flows.invoices import show_invoice
from tieout.flows.policy import PolicyState, governing, policies
from tieout.invoice.document import document_bytes
from tieout.invoice.invoice import KIND_FINAL, KIND_NOTE
from tieout.invoice.stored_document import read_document
from tieout.kernel.calendar import local_date, local_midnight
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import HOUR_MICROSECONDS, Instant, parse_instant
from tieout.kernel.period import Period
from tieout.kernel.zone import zone
from tieout.readiness.facts import Billed, Expectation, Paper, Run, Sample
from tieout.readiness.run import run_of

KINDS = {KIND_FINAL: Paper.INVOICE, KIND_NOTE: Paper.NOTE}


def samples_of(home: Home, expected: Sequence[Expectation]) -> tuple[Sample, ...]:
    """By account and period. A paper that was voided is no run."""
    asked = list(dict.fromkeys((each.account, each.billed) for each in expected))
    runs: dict[CustomerId, Mapping[Billed, Run]] = {}
    for account, _ in asked:
        if account not in runs:
            wanted = frozenset(billed for customer, billed in asked if customer == account)
            runs[account] = _runs(home, account, wanted)
    return tuple(
        Sample(
            account,
            billed,
            tuple(each for each in expected if (each.account, each.billed) == (account, billed)),
            runs[account].get(billed),
            shown_from(home, account, billed),
        )
        for account, billed in asked
    )


def sealed_papers(
    home: Home, account: CustomerId, *, voided_too: bool = False
) -> tuple[tuple[Billed, StoredInvoice], ...]:
    """The account's papers that stand, as people name them, without their documents."""
    voided = set() if voided_too else {each.invoice.id for each in home.books.corrections.voids()}
    catalog = load_catalog(home)
    return tuple(
        (Billed(*_dates(catalog, account, each.period), KINDS[each.kind]), each)
        for each in home.books.invoices.sealed(account)
        if each.kind in KINDS and each.id not in voided
    )


def shown_from(home: Home, account: CustomerId, billed: Billed) -> Instant | None:
    """From when a dry run of the close shows what the paper comes to: when the period and its grace are over.
    None for a note: what it corrects can be previewed at any time."""
    if billed.paper is not Paper.INVOICE:
        return None
    profile = load_catalog(home).customers.latest(account)
    place = zone("UTC" if profile is None else profile.zone)
    start, end = local_midnight(billed.start, place), local_midnight(billed.end, place)
    state = governing(policies(home), start)
    grace = 0 if state is None else state.policy.grace_hours
    return Instant(end + grace * HOUR_MICROSECONDS)


def _runs(home: Home, account: CustomerId, wanted: frozenset[Billed]) -> Mapping[Billed, Run]:
    """Of several papers of a period the first one, which is what was expected."""
    found: dict[Billed, Run] = {}
    for billed, listed in sealed_papers(home, account):
        if billed in wanted and billed not in found:
            stored = show_invoice(home, listed.id)
            document = read_document(stored.number, stored.document)
            assert document.issued_at is not None, "a sealed paper has been issued"
            on = local_date(parse_instant(document.issued_at), zone(document.period.zone))
            found[billed] = run_of(account, billed, document, on, sealed=stored)
    if wanted - found.keys():
        for billed, run in _drafts(home, account).items():
            found.setdefault(billed, run)
    return found


def _drafts(home: Home, account: CustomerId) -> Mapping[Billed, Run]:
    catalog, states = load_catalog(home), policies(home)
    found: dict[Billed, Run] = {}
    waiting = [each for each in home.books.drafts.open() if each.customer == account and each.kind in KINDS]
    for draft in waiting:
        document = read_document(draft.invoice, home.books.drafts.revisions(draft.invoice)[-1].document)
        billed = Billed(*_dates(catalog, account, draft.period), KINDS[draft.kind])
        on = _due_on(catalog, states, account, draft.period)
        found[billed] = run_of(account, billed, document, on)
    if account not in catalog.customers:
        return found
    report = close(home, as_of=home.clock.now(), customers=(account,), dry_run=True)
    for row in report.invoices:
        if row.draft is not None and row.kind in KINDS:
            billed = Billed(*_dates(catalog, account, row.period), KINDS[row.kind])
            on = _due_on(catalog, states, account, row.period)
            document = read_document(row.draft.id, document_bytes(row.draft))
            found.setdefault(billed, run_of(account, billed, document, on))
    return found


def _dates(catalog: Catalog, account: CustomerId, period: Period) -> tuple[date, date]:
    profile = catalog.customers.at(account, period.start) or catalog.customers.latest(account)
    place = zone("UTC" if profile is None else profile.zone)
    return local_date(period.start, place), local_date(period.end, place)


def _due_on(catalog: Catalog, states: Sequence[PolicyState], account: CustomerId, period: Period) -> date:
    """When its grace is over: the date on which it is made if nothing holds it."""
    state = governing(states, period.start)
    grace = 0 if state is None else state.policy.grace_hours
    profile = catalog.customers.at(account, period.start) or catalog.customers.latest(account)
    place = zone("UTC" if profile is None else profile.zone)
    return local_date(Instant(period.end + grace * HOUR_MICROSECONDS), place)
