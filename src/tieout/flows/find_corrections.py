"""Finds the sealed periods that come to something else as known now, and rates them again.

What changes one: late events and retractions, subjects given late, a corrected price; and, for a customer
with commitments, every later period, whose balances start from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tieout.aggregate.window import clip
from tieout.close.account import AccountOutcome
from tieout.close.outcome import Parked
from tieout.contract.catalog import Catalog
from tieout.evidence.lineage import parse_lineage
from tieout.evidence.stored import StoredSnapshot
from tieout.flows.home import Home
from tieout.flows.late_events import LateRow, late_of
from tieout.flows.late_places import beside, late_places
from tieout.flows.policy import PolicyState
from tieout.flows.read_log import read_log
from tieout.flows.rerate_periods import NOT_YET, PeriodCorrection, Wanted, rerate
from tieout.flows.sealed_periods import SealedPeriod, sealed_periods
from tieout.flows.sealed_usage import sealed_spans
from tieout.kernel.errors import TieoutError
from tieout.kernel.ids import CustomerId, InvoiceId, Watermark
from tieout.kernel.instant import INSTANT_MIN
from tieout.kernel.period import Period
from tieout.ports import LogManifest

CORRECT_THE_CAUSE = "correct the cause, then preview the correction again; nothing was corrected"


@dataclass(frozen=True, slots=True)
class Sought:
    """What to look for: of which customers (None: all), with which words on the lines. `repriced`: the sealed
    periods that a corrected catalog changes. `mapped`: also subjects that were given late. `billed`: the
    papers that carry parts of the same approval already, with the period that they correct."""

    customers: tuple[CustomerId, ...] | None
    reason: str
    approval: str | None = None
    repriced: Mapping[CustomerId, frozenset[Period]] = field(default_factory=dict)
    mapped: bool = True
    billed: Mapping[InvoiceId, Period] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FoundCorrections:
    """Each customer's in order; `stopped` are the periods that could not be rated again, with those that
    start from their balances; `late` the late rows by sealed snapshot."""

    watermark: Watermark
    corrections: tuple[PeriodCorrection, ...]
    stopped: tuple[AccountOutcome, ...]
    late: tuple[tuple[StoredSnapshot, LateRow], ...]


def find_corrections(
    home: Home,
    catalog: Catalog,
    policies: Sequence[PolicyState],
    sought: Sought,
    *,
    watermark: Watermark | None = None,
) -> FoundCorrections:
    """As of the watermark, or of now. Writes nothing."""
    return read_log(
        home, lambda manifest: _found(home, catalog, policies, sought, manifest), watermark=watermark
    )


def _found(
    home: Home, catalog: Catalog, policies: Sequence[PolicyState], sought: Sought, manifest: LogManifest
) -> FoundCorrections:
    chosen = None if sought.customers is None else frozenset(sought.customers)
    ours = _looked_at(home, catalog, manifest, chosen, mapped=sought.mapped)
    by_id = {each.id: each for each in ours}
    late = [(by_id[row.snapshot], row) for row in late_of(home, catalog, manifest, ours)]
    mapped = _mapped(catalog, ours) if sought.mapped else []
    touched = [snapshot for snapshot, _ in late] + mapped
    customers = {each.customer for each in touched} | set(sought.repriced)
    if chosen is not None:
        customers &= chosen
    wanted: list[Wanted] = []
    stopped: list[AccountOutcome] = []
    for customer in sorted(customers):
        try:
            periods = sealed_periods(home, catalog, policies, [customer]).get(customer, ())
        except TieoutError as error:
            stopped.append(AccountOutcome(customer, None, Parked(str(error), CORRECT_THE_CAUSE)))
            continue
        wanted += _wanted(sought, periods, touched, late, {each.id for each in mapped})
    recorded = home.books.movements.of(sorted(customers))
    found, failed = rerate(
        home,
        catalog,
        manifest,
        wanted,
        recorded=recorded,
        snapshots=ours,
        others=sealed_spans(_near(home, catalog, wanted)),
    )
    return FoundCorrections(
        manifest.watermark,
        tuple(each for each in found if _says_something(each)),
        (*stopped, *failed),
        tuple(late),
    )


def _looked_at(
    home: Home,
    catalog: Catalog,
    manifest: LogManifest,
    chosen: frozenset[CustomerId] | None,
    *,
    mapped: bool,
) -> tuple[StoredSnapshot, ...]:
    """Sealed snapshots that may come to something else: where anything may be late; with `mapped` all of the
    chosen customers, since a subject given late leaves no trace in the log."""
    if not mapped:
        return late_places(home, catalog, manifest, chosen)
    if chosen is None:
        return home.books.invoices.snapshots()
    return home.books.invoices.snapshots_of(dict.fromkeys(chosen, INSTANT_MIN))


def _near(home: Home, catalog: Catalog, wanted: Sequence[Wanted]) -> tuple[StoredSnapshot, ...]:
    """Whatever may hold usage of the same subjects at the same time."""
    if not wanted:
        return ()
    customers = {each.sealed.customer for each in wanted}
    accounts = [each.sealed.account for each in wanted]
    since = min(period.start for account in accounts for period in (account.period, *account.wholes))
    return beside(home, catalog, customers, ending_after=since)


def _says_something(found: PeriodCorrection) -> bool:
    """A period that comes to the same in money, quantity and balances is left out; what came late for it
    stays visible as late."""
    return bool(found.billables or found.movements(NOT_YET))


def _mapped(catalog: Catalog, snapshots: Iterable[StoredSnapshot]) -> list[StoredSnapshot]:
    """Those that would be taken of other subjects, or of other times of them, today."""
    found = []
    for stored in snapshots:
        today = clip(catalog.subjects.of_customer(stored.customer), stored.customer, stored.period)
        sealed = parse_lineage(stored.event_type, stored.predicate).spans
        if set(today) != set(sealed):
            found.append(stored)
    return found


def _wanted(
    sought: Sought,
    periods: Sequence[SealedPeriod],
    touched: Sequence[StoredSnapshot],
    late: Sequence[tuple[StoredSnapshot, LateRow]],
    mapped: set[str],
) -> list[Wanted]:
    """From the first period that something happened to: all that follow where commitments carry on."""
    wanted: list[Wanted] = []
    carries = any(each.commitments for period in periods for each in period.account.subscriptions)
    for sealed in periods:
        hit = [each for each in touched if _is_of(each, sealed)]
        repriced = sealed.period in sought.repriced.get(sealed.customer, frozenset())
        if not (hit or repriced or (wanted and carries)):
            continue
        counts = {
            snapshot.id: (row.event_count, row.retracted_count)
            for snapshot, row in late
            if _is_of(snapshot, sealed)
        }
        wanted.append(
            Wanted(
                sealed,
                sought.reason,
                sought.approval,
                counts,
                mapped=any(each.id in mapped for each in hit),
                before=frozenset(paper for paper, period in sought.billed.items() if period < sealed.period),
            )
        )
    return wanted


def _is_of(snapshot: StoredSnapshot, sealed: SealedPeriod) -> bool:
    return (
        snapshot.customer == sealed.customer
        and sealed.period.contains(snapshot.period.start)
        and any(each.key == snapshot.subscription for each in sealed.account.subscriptions)
    )
