"""Sample accounts beside what the run gave: the sealed paper, the draft that waits, or one that a close would
make now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from tieout.contract.policy import PolicyRole
from tieout.evidence.stored import StoredInvoice
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.close_periods import close
from tieout.flows.home import Home
from tieout.flows.invoices import show_invoice
from tieout.flows.policy import governing, policies
from tieout.flows.sample_periods import SamplePeriods
from tieout.invoice.document import document_bytes
from tieout.invoice.invoice import KIND_FINAL, KIND_NOTE
from tieout.invoice.stored_document import StoredDocument, read_document
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import HOUR_MICROSECONDS, Instant, parse_instant
from tieout.kernel.period import Period
from tieout.readiness.facts import Billed, Expectation, Paper, Run, Sample
from tieout.readiness.run import run_of

T = TypeVar("T")
KINDS = {KIND_FINAL: Paper.INVOICE, KIND_NOTE: Paper.NOTE}


def samples_of(home: Home, expected: Sequence[Expectation]) -> tuple[Sample, ...]:
    """By account and period. A paper that was voided is no run."""
    by_account: dict[CustomerId, list[Expectation]] = {}
    for each in expected:
        by_account.setdefault(each.account, []).append(each)
    return tuple(
        sample for account, theirs in by_account.items() for sample in _of_account(home, account, theirs)
    )


def sealed_papers(
    home: Home, account: CustomerId, *, voided_too: bool = False
) -> tuple[tuple[Paper, StoredInvoice], ...]:
    """The account's papers that stand, without their documents."""
    voided = set() if voided_too else {each.invoice.id for each in home.books.corrections.voids()}
    return tuple(
        (KINDS[each.kind], each)
        for each in home.books.invoices.sealed(account)
        if each.kind in KINDS and each.id not in voided
    )


def shown_from(home: Home, meant: Period | None, paper: Paper) -> Instant | None:
    """From when a dry run of the close shows what the paper comes to: when the period and its grace are over.
    None for a note: what it corrects can be previewed at any time; and for no period of the account's."""
    return None if meant is None or paper is not Paper.INVOICE else _due_at(home, meant)


def _of_account(home: Home, account: CustomerId, expected: Sequence[Expectation]) -> Iterator[Sample]:
    """What was expected of one period is one sample, whichever days it had when each was recorded."""
    periods = SamplePeriods(home, account)
    groups: dict[tuple[Period | Billed, Paper], list[Expectation]] = {}
    for each in expected:
        meant = periods.of(each)
        groups.setdefault((each.billed if meant is None else meant, each.billed.paper), []).append(each)
    runs = _runs(home, account, periods, [each[0] for each in groups.values()])
    for group in groups.values():
        first = group[0]
        shown = shown_from(home, periods.of(first), first.billed.paper)
        yield Sample(account, periods.billed(first), _latest(group), runs.get(first.digest), shown)


def _latest(expected: Sequence[Expectation]) -> tuple[Expectation, ...]:
    """What each role said last."""
    latest: dict[PolicyRole, Expectation] = {}
    for each in sorted(expected, key=lambda each: (each.at, each.digest)):
        before = latest.get(each.role)
        again = 0 if before is None else before.revisions + 1
        latest[each.role] = replace(each, revisions=each.revisions + again)
    return tuple(latest[role] for role in PolicyRole if role in latest)


def _runs(
    home: Home, account: CustomerId, periods: SamplePeriods, asked: Sequence[Expectation]
) -> Mapping[str, Run]:
    """By the digest of what was expected. Of several papers of a period the first one."""
    found: dict[str, Run] = {}
    papers = sealed_papers(home, account)
    for each in asked:
        listed = _first(periods, each, [(kind, row.period, row) for kind, row in papers])
        if listed is not None:
            stored = show_invoice(home, listed.id)
            document = read_document(stored.number, stored.document)
            assert document.issued_at is not None, "a sealed paper has been issued"
            made_at = parse_instant(document.issued_at)
            found[each.digest] = run_of(account, periods.billed(each), document, made_at, sealed=stored)
    waiting = [each for each in asked if each.digest not in found]
    drafts = _drafts(home, account) if waiting else []
    for each in waiting:
        draft = _first(periods, each, drafts)
        if draft is not None:
            period, document = draft
            due = _due_at(home, period)
            found[each.digest] = run_of(account, periods.billed(each), document, due)
    return found


def _first(
    periods: SamplePeriods, expected: Expectation, papers: Sequence[tuple[Paper, Period, T]]
) -> T | None:
    """The first paper of the very period, or else of what was left of it."""
    ours = [each for each in papers if each[0] is expected.billed.paper and periods.is_of(expected, each[1])]
    meant = periods.of(expected)
    return next((row for _, _, row in sorted(ours, key=lambda each: each[1] != meant)), None)


def _drafts(home: Home, account: CustomerId) -> list[tuple[Paper, Period, tuple[Period, StoredDocument]]]:
    """Those that wait for people, then those that a close would make now."""
    found = []
    for draft in home.books.drafts.open():
        if draft.customer == account and draft.kind in KINDS:
            last = home.books.drafts.revisions(draft.invoice)[-1].document
            found.append(
                (KINDS[draft.kind], draft.period, (draft.period, read_document(draft.invoice, last)))
            )
    if account not in load_catalog(home).customers:
        return found
    report = close(home, as_of=home.clock.now(), customers=(account,), dry_run=True)
    for row in report.invoices:
        if row.draft is not None and row.kind in KINDS:
            document = read_document(row.draft.id, document_bytes(row.draft))
            found.append((KINDS[row.kind], row.period, (row.period, document)))
    return found


def _due_at(home: Home, period: Period) -> Instant:
    """When its grace is over: it is made then if nothing holds it."""
    state = governing(policies(home), period.start)
    grace = 0 if state is None else state.policy.grace_hours
    return Instant(period.end + grace * HOUR_MICROSECONDS)
