"""Where something may be late: the sealed snapshots of those customers and periods for which anything came
after a cutoff. Only these are read, however much is sealed.

What may be late is told by batch and time alone, whatever the type, and a level that a late event states may
hold in every later period: so more snapshots are found than have something late, and none is missed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from tieout.aggregate.late import CutoffStep, LateStretch, cutoff_of, may_be_late, staircase
from tieout.contract.catalog import Catalog
from tieout.contract.meter import Aggregation
from tieout.evidence.stored import StoredSnapshot
from tieout.flows.home import Home
from tieout.ingest.retraction import target_of
from tieout.kernel.ids import CustomerId, MeterKey, Subject
from tieout.kernel.instant import INSTANT_MIN, Instant
from tieout.ports import LogManifest

WINDOWS_MAX: Final = 24
"""A customer with late events of more sealed periods than this is asked for everything between them."""
Windows = Mapping[CustomerId, Sequence[LateStretch]]


def late_places(
    home: Home, catalog: Catalog, manifest: LogManifest, customers: Collection[CustomerId] | None
) -> tuple[StoredSnapshot, ...]:
    """Of these customers, or of all: the snapshots for which anything may be late as of the manifest's
    watermark, among those that hold."""
    stairs = staircase(home.books.invoices.cutoff_steps(before=manifest.watermark))
    if not stairs or (customers is not None and not customers):
        return ()
    subjects = None if customers is None else subjects_ever(catalog, customers)
    found = home.engine.late_stretches(stairs, manifest, subjects=subjects)
    found += _retracted_late(home, manifest, stairs)
    if not found:
        return ()
    late = _by_customer(stairs, found, _owners(catalog), customers)
    lasting = frozenset(
        meter.key for meter in catalog.meters if meter.aggregation is Aggregation.TIME_WEIGHTED
    )
    windows = {customer: [(each.first, each.last) for each in of] for customer, of in late.items()}
    taken = home.books.invoices.snapshots_in(windows, lasting=lasting)
    return tuple(each for each in taken if _is_open_to(each, late[each.customer], lasting))


def _by_customer(
    stairs: Sequence[CutoffStep],
    found: Iterable[LateStretch],
    owners: Mapping[Subject, Collection[CustomerId]],
    customers: Collection[CustomerId] | None,
) -> dict[CustomerId, list[LateStretch]]:
    """What came late for each customer, one stretch for each step, or one in all where there are too many."""
    late: dict[CustomerId, dict[object, LateStretch]] = {}
    for stretch in found:
        step = cutoff_of(stairs, stretch.first)
        for owner in owners.get(stretch.subject, ()):
            if customers is None or owner in customers:
                steps = late.setdefault(owner, {})
                steps[step] = stretch if step not in steps else _hull(steps[step], stretch)
    return {
        owner: [*steps.values()] if len(steps) <= WINDOWS_MAX else [_hull(*steps.values())]
        for owner, steps in late.items()
    }


def _hull(*stretches: LateStretch) -> LateStretch:
    return LateStretch(
        stretches[0].subject,
        min(each.first for each in stretches),
        max(each.last for each in stretches),
        max(each.batch for each in stretches),
    )


def _is_open_to(stored: StoredSnapshot, late: Sequence[LateStretch], lasting: Collection[MeterKey]) -> bool:
    """Whether any of it came after the snapshot's own cutoff, which may be that of a correction."""
    return any(
        stored.watermark < each.batch
        and each.first < stored.period.end
        and (stored.period.start <= each.last or stored.meter in lasting)
        for each in late
    )


def beside(
    home: Home, catalog: Catalog, customers: Collection[CustomerId], *, ending_after: Instant = INSTANT_MIN
) -> tuple[StoredSnapshot, ...]:
    """The snapshots that hold of these customers and of whoever ever had one of their subjects."""
    subjects = subjects_ever(catalog, customers)
    owners = {mapping.customer for mapping in catalog.mappings if not subjects.isdisjoint(mapping.subjects)}
    return home.books.invoices.snapshots_of(dict.fromkeys({*owners, *customers}, ending_after))


def subjects_ever(catalog: Catalog, customers: Collection[CustomerId]) -> frozenset[Subject]:
    """Every subject that any version of a mapping gave to one of the customers."""
    return frozenset(
        subject
        for mapping in catalog.mappings
        if mapping.customer in customers
        for subject in mapping.subjects
    )


def _owners(catalog: Catalog) -> dict[Subject, set[CustomerId]]:
    """Who ever had each subject: a seal may rest on an older version of a mapping."""
    found: dict[Subject, set[CustomerId]] = {}
    for mapping in catalog.mappings:
        for subject in mapping.subjects:
            found.setdefault(subject, set()).add(mapping.customer)
    return found


def _retracted_late(home: Home, manifest: LogManifest, stairs: tuple[CutoffStep, ...]) -> list[LateStretch]:
    """The subjects of events whose first retraction may have come after the cutoff of their period."""
    later = home.log.retractions(watermark=manifest.watermark, after=stairs[0].cutoff)
    batches: dict[tuple[str, str], int] = {}
    for retraction in later:  # the last one tells most: it is late if any is
        batches[target_of(retraction.event)] = retraction.position.batch
    targets = home.log.accepted(batches) if batches else {}
    return [
        LateStretch(target.event.subject, target.event.time, target.event.time, batches[identity])
        for identity, target in targets.items()
        if may_be_late(stairs, batch=batches[identity], time=target.event.time)
    ]
