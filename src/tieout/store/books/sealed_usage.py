"""What sealed papers hold of usage and of time: the snapshots that stand, the periods that are billed, and
the cutoffs with which they were sealed.

Whoever asks for some customers reads only theirs: by index from the customer to papers, and from these to
what stands behind them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    and_,
    case,
    exists,
    func,
    or_,
    select,
    union,
)

from tieout.aggregate.late import CutoffStep
from tieout.evidence.stored import StoredSnapshot
from tieout.invoice.invoice import KIND_FINAL, KIND_INTERIM
from tieout.kernel.ids import CustomerId, MeterKey, SubscriptionId, Watermark
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.store.books import rows
from tieout.store.books.movements import NAMED_CUSTOMERS_MAX
from tieout.store.books.schema import charge, close_run, invoice, invoice_line, snapshot
from tieout.store.books.schema_close import draft, invoice_void

Window = tuple[Instant, Instant]
STRETCHES_MAX = 64
"""Of more stretches of time than this everything between them is read."""
WINDOWED_CUSTOMERS_MAX = 50
"""So many are asked for together, each with windows of its own."""
STANDS = ~exists().where(invoice_void.c.invoice == invoice.c.id)
"""Of an invoice that was not voided."""
_LISTED = [column for column in snapshot.c if column.name != "groups"]


def standing_snapshots(
    connection: Connection,
    customer: CustomerId | None,
    *,
    before: Watermark | None,
    meeting: Sequence[Period] | None,
) -> tuple[StoredSnapshot, ...]:
    if meeting is not None and not meeting:
        return ()
    query = _standing()
    if customer is not None:
        query = query.where(invoice.c.customer == customer)
    if meeting is not None:
        few = meeting if len(meeting) <= STRETCHES_MAX else [Period(meeting[0].start, meeting[-1].end)]
        met = ((snapshot.c.period_end > each.start) & (snapshot.c.period_start < each.end) for each in few)
        query = query.where(or_(*met))
    if before is not None and not _any_before(connection, before):
        return ()
    last = _last_of_windows(connection.execute(query).mappings())
    return _in_order(row for row in last if before is None or row["watermark"] < before)


def snapshots_of(
    connection: Connection, ending_after: Mapping[CustomerId, Instant]
) -> tuple[StoredSnapshot, ...]:
    found: list[RowMapping] = []
    for customers in _parts(ending_after):
        first = min(ending_after[customer] for customer in customers)
        query = _standing().where(invoice.c.customer.in_(customers), snapshot.c.period_end > first)
        found += _last_of_windows(
            row
            for row in connection.execute(query).mappings()
            if row["period_end"] > ending_after[CustomerId(row["customer"])]
        )
    return _in_order(found)


def snapshots_in(
    connection: Connection, windows: Mapping[CustomerId, Sequence[Window]], lasting: Collection[MeterKey]
) -> tuple[StoredSnapshot, ...]:
    found: list[RowMapping] = []
    for customers in _parts(windows, WINDOWED_CUSTOMERS_MAX):
        held = or_(*(_in_windows(customer, windows[customer], lasting) for customer in customers))
        query = _standing().where(invoice.c.customer.in_(customers), held)
        found += _last_of_windows(iter(connection.execute(query).mappings()))
    return _in_order(found)


def cutoff_steps(connection: Connection, before: Watermark) -> tuple[CutoffStep, ...]:
    """Of runs that sealed a paper, and of drafts that were kept: a paper may be sealed from one later, with
    usage up to the draft's cutoff."""
    sealed = (
        select(close_run.c.cutoff, close_run.c.as_of)
        .where(exists().where(invoice.c.close_run == close_run.c.id))
        .where(close_run.c.cutoff < before)
    )
    kept = select(draft.c.cutoff, draft.c.as_of).where(draft.c.cutoff < before)
    found = connection.execute(union(sealed, kept)).all()
    return tuple(sorted(CutoffStep(Watermark(cutoff), Instant(as_of)) for cutoff, as_of in found))


def billed_periods(
    connection: Connection, customers: Collection[CustomerId] | None, *, ending_after: Instant | None
) -> dict[SubscriptionId, tuple[Period, ...]]:
    query = _billed()
    if ending_after is not None:
        query = query.where(invoice.c.period_end > ending_after)
    order = (charge.c.subscription, invoice.c.period_start, invoice.c.period_end)
    if customers is None:
        return _by_subscription(connection.execute(query.order_by(*order)).all())
    parts = (query.where(invoice.c.customer.in_(part)).order_by(*order) for part in _parts(customers))
    return _by_subscription(row for each in parts for row in connection.execute(each).all())


def billed_stretches(
    connection: Connection, customers: Collection[CustomerId]
) -> dict[SubscriptionId, tuple[Period, ...]]:
    """A period that starts where another one ends goes on with its stretch."""
    parts = (_stretches(_billed().where(invoice.c.customer.in_(part))) for part in _parts(customers))
    return _by_subscription(row for query in parts for row in connection.execute(query).all())


def _in_windows(
    customer: CustomerId, windows: Sequence[Window], lasting: Collection[MeterKey]
) -> ColumnElement[bool]:
    met = [and_(snapshot.c.period_end > first, snapshot.c.period_start <= last) for first, last in windows]
    if lasting:
        earliest = min(first for first, _ in windows)
        met.append(and_(snapshot.c.period_end > earliest, snapshot.c.meter.in_(sorted(lasting))))
    return and_(snapshot.c.customer == customer, or_(*met))


def _standing() -> Select[tuple[object, ...]]:
    query = select(*_LISTED).join(invoice, snapshot.c.invoice == invoice.c.id)
    query = query.where(STANDS, invoice.c.kind != KIND_INTERIM)
    return query.order_by(invoice.c.sealed_at, snapshot.c.watermark, snapshot.c.invoice, snapshot.c.id)


def _any_before(connection: Connection, watermark: Watermark) -> bool:
    query = select(snapshot.c.id).where(snapshot.c.watermark < watermark).limit(1)
    return connection.execute(query).first() is not None


def _last_of_windows(found: Iterator[RowMapping]) -> list[RowMapping]:
    """Of what measures the same, however often, the last."""
    names = ("subscription", "meter", "meter_version", "period_start", "period_end")
    return [*{tuple(row[name] for name in names): row for row in found}.values()]


def _in_order(found: Iterator[RowMapping] | list[RowMapping]) -> tuple[StoredSnapshot, ...]:
    return tuple(rows.snapshot_of(row) for row in sorted(found, key=lambda row: (row["invoice"], row["id"])))


def _billed() -> Select[tuple[str, int, int]]:
    columns = (charge.c.subscription, invoice.c.period_start, invoice.c.period_end)
    query = select(*columns).join(invoice_line, invoice_line.c.charge == charge.c.id)
    query = query.join(invoice, invoice_line.c.invoice == invoice.c.id)
    return query.where(STANDS, invoice.c.kind == KIND_FINAL, invoice_line.c.correction.is_(None)).distinct()


def _stretches(billed: Select[tuple[str, int, int]]) -> Select[tuple[str, int, int]]:
    period = billed.subquery()
    of_subscription = {"partition_by": period.c.subscription, "order_by": period.c.period_start}
    before = func.lag(period.c.period_end).over(**of_subscription)
    opens = case((before == period.c.period_start, 0), else_=1)
    marked = select(*period.c, opens.label("opens")).subquery()
    stretch = func.sum(marked.c.opens).over(
        partition_by=marked.c.subscription, order_by=marked.c.period_start
    )
    numbered = select(*marked.c, stretch.label("stretch")).subquery()
    starts, ends = func.min(numbered.c.period_start), func.max(numbered.c.period_end)
    by_stretch = (numbered.c.subscription, numbered.c.stretch)
    query = select(numbered.c.subscription, starts, ends).group_by(*by_stretch)
    return query.order_by(numbered.c.subscription, starts)


def _by_subscription(
    found: Iterator[Sequence[object]] | Sequence[Sequence[object]],
) -> dict[SubscriptionId, tuple[Period, ...]]:
    periods: dict[SubscriptionId, list[Period]] = {}
    for subscription, start, end in found:
        period = Period(Instant(int(str(start))), Instant(int(str(end))))
        periods.setdefault(SubscriptionId(str(subscription)), []).append(period)
    return {subscription: tuple(sorted(each)) for subscription, each in periods.items()}


def _parts(customers: Collection[CustomerId], count: int = NAMED_CUSTOMERS_MAX) -> Iterator[list[CustomerId]]:
    rest = iter(sorted(customers))
    while part := list(islice(rest, count)):
        yield part
