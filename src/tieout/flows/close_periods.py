"""The close: fix the cutoff, snapshot, rate, draft, reconcile, seal; every account ends in a stated
outcome.

Each invoice is sealed in a transaction of its own, and what is sealed is not due again: an interrupted
close is resumed by running it again, and running it twice seals nothing twice (L11).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TypeVar

from tieout.aggregate.bucket import BucketCounts
from tieout.close.account import AccountOutcome
from tieout.close.outcome import NotDue, Outcome, Sealed
from tieout.close.reconcile_buckets import bucket_breaks
from tieout.close.reconcile_cycle import CycleTies
from tieout.close.reconcile_sealed import late_breaks
from tieout.contract.catalog import Catalog
from tieout.flows.apply_catalog import NoSuchCustomer, load_catalog
from tieout.flows.approve_meter import by_version
from tieout.flows.close_agenda import close_agenda
from tieout.flows.count_buckets import BucketRow, beside_buckets, bucket_rows
from tieout.flows.cycle_ties import cycle_ties
from tieout.flows.draft_accounts import (
    MeasuredAccounts,
    ReadyAccount,
    draft_accounts,
    measure_accounts,
)
from tieout.flows.due_accounts import Agenda, DueAccount, stretches_of
from tieout.flows.home import Home
from tieout.flows.invoices import InvoiceRow, draft_row
from tieout.flows.late_events import LateRow, late_rows
from tieout.flows.manual_lines import with_manual_lines
from tieout.flows.place_corrections import Corrections, first_finals
from tieout.flows.rarely_collected import rarely_collected
from tieout.flows.read_log import read_log
from tieout.flows.readiness_level import billed_at, within_level
from tieout.flows.replacing import replacing
from tieout.flows.required_evidence import EvidenceOnRecord, with_evidence
from tieout.flows.review_drafts import (
    AccountKey,
    Drafted,
    Redraft,
    Reviews,
    Sealer,
    finish,
    keep_for_review,
    keep_held,
    look,
)
from tieout.flows.seal_accounts import Progress, seal_accounts
from tieout.flows.sealed_usage import sealed_spans
from tieout.flows.shared_drafts import may_be_shared, prepared_parts, sealable
from tieout.flows.unbilled_usage import unbilled_usage
from tieout.flows.watch_pipeline import watch_to_head
from tieout.kernel.errors import Refusal
from tieout.kernel.ids import CustomerId, Watermark
from tieout.kernel.instant import Instant, format_instant
from tieout.kernel.period import Period
from tieout.ports import LogManifest

Made = TypeVar("Made")
PREVIEW_NUMBER = "not sealed: dry run"


class FutureClose(Refusal):
    """A period cannot be closed as of an instant that has not come: its events have not either."""

    code = "future-close"

    def __init__(self, as_of: Instant, now: Instant) -> None:
        super().__init__(f"Cannot close as of {format_instant(as_of)}: it is {format_instant(now)}.")


@dataclass(frozen=True, slots=True)
class CloseReport:
    """What became of every account as of `as_of`, with usage up to the end of batch `cutoff`."""

    as_of: Instant
    cutoff: Watermark
    outcomes: tuple[tuple[CustomerId, Period | None, Outcome], ...]
    invoices: tuple[InvoiceRow, ...]
    buckets: tuple[BucketRow, ...]


@rarely_collected()
def close(
    home: Home,
    *,
    as_of: Instant,
    customers: tuple[CustomerId, ...] | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
    redraft: Redraft | None = None,
    workers: int = 1,
    inside: Period | None = None,
) -> CloseReport:
    """Ends every period that is due as of `as_of`. A dry run writes nothing and gives the drafts instead.
    With `redraft`, nothing but that draft is looked at, and nothing is sealed. With `inside`, nothing but
    accounts whose period runs and touches it. `workers`: processes that draft, where there is much to draft.

    Raises `FutureClose`, `NoSuchCustomer`, and `Unavailable` where the books cannot be written; what was
    sealed until then stays sealed.
    """
    now = home.clock.now()
    if as_of > now:
        raise FutureClose(as_of, now)
    catalog = load_catalog(home)
    chosen = _chosen(catalog, customers)
    if not dry_run:
        watch_to_head(home)
    cutoff = home.log.head()
    recorded = home.books.movements.of(chosen)
    level = home.books.readiness.level()
    plan = within_level(level, close_agenda(home, catalog, chosen, recorded, as_of=as_of, inside=inside))
    run = None if dry_run else home.books.closes.start(as_of=as_of, cutoff=cutoff, cutoff_at=now)
    due, refused = with_manual_lines(home, catalog, replacing(plan.due, home.books.corrections.voids()))
    reviews = look(home, due, as_of=as_of, redraft=redraft)
    corrections = Corrections(home, catalog, first_finals(due))
    drafter = _Drafter(home, catalog, due, corrections, now)
    periods = [account.period for account in plan.due if account.running is None]
    counted: list[BucketCounts] | None = None

    def seal_all(ready: Sequence[ReadyAccount]) -> tuple[list[AccountOutcome], list[InvoiceRow]]:
        return _ended_or_shown(home, ready, run, progress or _unwatched)

    noting = billed_at(level, chosen) if redraft is None and inside is None else ()
    notes, held = corrections.notes(noting, cutoff, ended=_ended(plan))
    noted, note_rows = seal_all(notes)
    reviewed, early = finish(home, reviews, drafter.drafted, seal_all, run=run)
    if run is not None and redraft is None and may_be_shared(reviews.fresh, workers=workers):
        fresh = reviews.fresh
        measured, counted = drafter.measured(fresh, cutoff, reviews.behind(fresh), beside=periods)
        done, late = _shared(home, measured, as_of, run, workers, progress or _unwatched)
    else:
        done, late = _alone(home, reviews, drafter, seal_all, cutoff, run)
    invoices = [*note_rows, *early, *late]
    told = [*refused, *held, *noted, *reviews.outcomes, *reviewed, *done]
    outcomes = sorted(told if redraft is not None else _told([*plan.outcomes, *told]), key=_order)
    if run is not None:
        _record(home, run, outcomes)
    buckets = _buckets(home, catalog, periods, cutoff, counted, run=run)
    by_account = tuple((account.customer, account.period, account.outcome) for account in outcomes)
    return CloseReport(as_of, cutoff, by_account, tuple(invoices), buckets)


def _record(home: Home, run: int, outcomes: Sequence[AccountOutcome]) -> None:
    """Breaks first: an outcome that is kept has its reasons beside it."""
    lasting = [account for account in outcomes if not isinstance(account.outcome, NotDue)]
    home.books.breaks.record(run, lasting, ())
    home.books.closes.record(run, lasting)
    home.books.closes.end(run, at=home.clock.now())


def _alone(
    home: Home,
    reviews: Reviews,
    drafter: _Drafter,
    seal_all: Sealer,
    cutoff: Watermark,
    run: int | None,
) -> tuple[list[AccountOutcome], list[InvoiceRow]]:
    """Drafts all that is fresh in this process, then keeps or seals it."""
    ready, stopped = drafter.drafted(reviews.fresh, cutoff, reviews.behind(reviews.fresh))
    ready, in_review = keep_for_review(home, reviews, ready, drafter.drafted, run=run)
    stopped = keep_held(home, stopped, as_of=reviews.as_of, run=run)
    sealed, rows = seal_all(ready)
    return [*stopped, *in_review, *sealed], rows


def _shared(
    home: Home, measured: MeasuredAccounts, as_of: Instant, run: int, workers: int, progress: Progress
) -> tuple[list[AccountOutcome], list[InvoiceRow]]:
    """Seals part by part what workers draft meanwhile."""
    outcomes = keep_held(home, measured.parked, as_of=as_of, run=run)
    before = len(outcomes)
    invoices: list[InvoiceRow] = []
    total = len(measured.planned)

    def advance(done: int, _of_part: int) -> None:
        progress(len(outcomes) - before + done, total)

    lay_out, known = home.books.invoices.lay_out, EvidenceOnRecord(home)
    with closing(prepared_parts(measured, lay_out, at=home.clock.now(), workers=workers)) as parts:
        for drafted, stopped in parts:
            outcomes += keep_held(home, stopped, as_of=as_of, run=run)
            ready, lacking = sealable(home, drafted, known)
            sealed, rows = seal_accounts(home, ready, run, advance)
            outcomes += [*lacking, *sealed]
            invoices += rows
    return outcomes, invoices


class _Drafter:
    """Drafts accounts at a cutoff; what holds the whole cycle is found once for each cutoff."""

    def __init__(
        self, home: Home, catalog: Catalog, due: Sequence[DueAccount], corrections: Corrections, now: Instant
    ) -> None:
        self._home, self._catalog, self._corrections, self._now = home, catalog, corrections, now
        self._due = due
        self._periods = sorted({account.elapsed for account in due})
        self._ties: dict[Watermark, CycleTies] = {}

    def drafted(
        self, accounts: Sequence[DueAccount], at: Watermark, behind: frozenset[AccountKey]
    ) -> Drafted:
        """With usage up to the cutoff, and balances as they are now."""
        if not accounts:
            return [], []
        return self._from_log(draft_accounts, accounts, at, behind)

    def measured(
        self,
        accounts: Sequence[DueAccount],
        at: Watermark,
        behind: frozenset[AccountKey],
        *,
        beside: Sequence[Period],
    ) -> tuple[MeasuredAccounts, list[BucketCounts] | None]:
        """The same, to be drafted later; `beside` it the buckets of these periods, if they can be counted."""
        return self._from_log(beside_buckets(measure_accounts, beside), accounts, at, behind)

    def _from_log(
        self,
        make: Callable[..., Made],
        accounts: Sequence[DueAccount],
        cutoff: Watermark,
        behind: frozenset[AccountKey],
    ) -> Made:
        home, catalog = self._home, self._catalog
        if cutoff not in self._ties:
            ties = cycle_ties(home, self._periods, cutoff=cutoff, now=self._now)
            unbilled = unbilled_usage(home, catalog, self._due, cutoff=cutoff)
            self._ties[cutoff] = replace(ties, unbilled=unbilled)
        on_paper = self._corrections.on(accounts, cutoff)
        recorded = home.books.movements.of(sorted({account.customer for account in on_paper}))
        sealed = sealed_spans(home.books.invoices.snapshots(meeting=stretches_of(on_paper)))
        meter_changes = by_version(home)
        return read_log(
            home,
            lambda manifest: make(
                home.engine,
                catalog,
                on_paper,
                manifest,
                sealed=sealed,
                meter_changes=meter_changes,
                recorded=recorded,
                behind=behind,
                cycle=self._ties[cutoff],
            ),
            watermark=cutoff,
        )


def _ended(plan: Agenda) -> frozenset[CustomerId]:
    """Customers of whom no invoice is to come."""
    return frozenset(
        each.customer
        for each in plan.outcomes
        if isinstance(each.outcome, NotDue) and each.outcome.due_at is None
    )


def _buckets(
    home: Home,
    catalog: Catalog,
    periods: Sequence[Period],
    cutoff: Watermark,
    counted: Sequence[BucketCounts] | None,
    *,
    run: int | None,
) -> tuple[BucketRow, ...]:
    """Where every event of the periods that ended went; what is on no invoice is noted with the run."""

    def look(manifest: LogManifest) -> tuple[tuple[BucketRow, ...], list[LateRow]]:
        late = late_rows(home, catalog, manifest, None)
        known = (home.engine, catalog, manifest)
        return bucket_rows(*known, periods=periods, late=late, counted=counted), late

    found, late = read_log(home, look, watermark=cutoff)
    if run is not None:
        home.books.breaks.record(run, (), [*bucket_breaks(found), *late_breaks(late)])
    return found


def _chosen(catalog: Catalog, customers: tuple[CustomerId, ...] | None) -> tuple[CustomerId, ...]:
    if customers is None:
        return tuple(CustomerId(key) for key in catalog.customers.keys)
    for customer in customers:
        if customer not in catalog.customers:
            raise NoSuchCustomer(customer)
    return tuple(sorted(set(customers)))


def _ended_or_shown(
    home: Home, ready: Sequence[ReadyAccount], run: int | None, progress: Progress
) -> tuple[list[AccountOutcome], list[InvoiceRow]]:
    """Seals what has the evidence that its policy asks for; a dry run, without a `run`, only shows it."""
    kept, lacking = with_evidence(home, ready)
    told, rows = _previewed(kept) if run is None else seal_accounts(home, kept, run, progress)
    return [*lacking, *told], rows


def _previewed(ready: Sequence[ReadyAccount]) -> tuple[list[AccountOutcome], list[InvoiceRow]]:
    outcomes = [
        AccountOutcome(draft.account.customer, draft.account.period, Sealed(draft.invoice.id, PREVIEW_NUMBER))
        for draft in ready
    ]
    return outcomes, [draft_row(draft.invoice) for draft in ready]


def _told(outcomes: Sequence[AccountOutcome]) -> list[AccountOutcome]:
    """Who is billed inside a period is not also told as not due."""
    looked_at = {each.customer for each in outcomes if not isinstance(each.outcome, NotDue)}
    return [
        each
        for each in outcomes
        if not (isinstance(each.outcome, NotDue) and each.period is None and each.customer in looked_at)
    ]


def _order(account: AccountOutcome) -> tuple[str, int]:
    return account.customer, -1 if account.period is None else account.period.start


def _unwatched(_done: int, _total: int) -> None:
    """Nobody watches."""
