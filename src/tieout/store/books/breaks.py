"""Breaks of the closes: written before the outcomes that they explain, and never changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, exists, func, or_, select

from tieout.close.account import AccountOutcome
from tieout.close.breaks import Break, BreakClass, Reach
from tieout.close.outcome import Held, OutcomeName
from tieout.close.reconcile import TIE_RECOUNT
from tieout.close.reconcile_sealed import TIE_KNOWN_USAGE
from tieout.kernel.ids import CustomerId, InvoiceId
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.ports.breaks import RecordedBreak
from tieout.store.books.schema import close_outcome, close_run, invoice
from tieout.store.books.schema_close import close_break
from tieout.store.books.writing import insert_rows, writing

ROWS_PER_TRANSACTION = 500
_ACCOUNT = ("customer", "period_start", "period_end")


_OUTCOMES = exists().where(close_outcome.c.close_run == close_run.c.id)
_SEALS = exists().where(invoice.c.close_run == close_run.c.id)
_LAST_CLOSE = select(func.max(close_run.c.id)).where(close_run.c.ended_at.is_not(None), _OUTCOMES | ~_SEALS)
"""A run that sealed and tells no outcome was a credit: it looked at no account."""


@dataclass(frozen=True, slots=True)
class SqlBreaks:
    """The port `BreakStore`."""

    engine: Engine

    def record(self, run: int, outcomes: Sequence[AccountOutcome], noted: Sequence[Break]) -> None:
        rows = _rows(outcomes, noted)
        for first in range(0, len(rows), ROWS_PER_TRANSACTION):
            with writing(self.engine) as connection:
                last = select(func.max(close_break.c.ordinal)).where(close_break.c.close_run == run)
                start = (connection.execute(last).scalar() or 0) + 1
                page = rows[first : first + ROWS_PER_TRANSACTION]
                numbered = [
                    row | {"close_run": run, "ordinal": ordinal} for ordinal, row in enumerate(page, start)
                ]
                insert_rows(connection, close_break, numbered)

    def open(self) -> tuple[RecordedBreak, ...]:
        with self.engine.connect() as connection:
            held = {tuple(row) for row in connection.execute(_latest_held())}
            runs = {run for run, *_ in held}
            latest = connection.execute(select(func.max(close_outcome.c.close_run))).scalar()
            where = close_break.c.close_run.in_(runs | ({latest} if latest is not None else set()))
            looked = connection.execute(_LAST_CLOSE).scalar()
            found = _read(connection, where | (close_break.c.close_run == looked))
        return tuple(each for each in found if _is_open(each, held, runs, latest=latest, looked=looked))

    def of(self, customer_or_invoice: str) -> tuple[RecordedBreak, ...]:
        named = or_(
            close_outcome.c.customer == customer_or_invoice, close_outcome.c.invoice == customer_or_invoice
        )
        held = select(close_outcome.c.close_run).where(
            named, close_outcome.c.outcome == OutcomeName.HELD.value
        )
        where = or_(
            close_break.c.customer == customer_or_invoice,
            close_break.c.invoice == customer_or_invoice,
            (close_break.c.reach == Reach.CYCLE.value) & close_break.c.close_run.in_(held),
        )
        with self.engine.connect() as connection:
            return _read(connection, where)


def _latest_held():  # type: ignore[no-untyped-def] # a SQLAlchemy Select
    """(run, customer, start, end) of the accounts whose last outcome is held."""
    account = [close_outcome.c[name] for name in _ACCOUNT]
    last = select(func.max(close_outcome.c.id)).group_by(*account)
    return select(close_outcome.c.close_run, *account).where(
        close_outcome.c.id.in_(last), close_outcome.c.outcome == OutcomeName.HELD.value
    )


def _is_open(
    each: RecordedBreak,
    held: set[tuple[object, ...]],
    runs: set[int],
    *,
    latest: int | None,
    looked: int | None,
) -> bool:
    """Usage on no invoice is what the last close with an account noted; what is late every close looks at."""
    if each.found.reach is Reach.NOTED:
        return each.run == (looked if each.found.tie == TIE_KNOWN_USAGE else latest)
    if each.found.reach is Reach.CYCLE:
        return each.run in runs
    assert each.period is not None, "a break of an account names its period"
    return (each.run, each.customer, each.period.start, each.period.end) in held


def _rows(outcomes: Sequence[AccountOutcome], noted: Sequence[Break]) -> list[dict[str, str | int | None]]:
    cycle: dict[Break, None] = {}
    rows = []
    for account in outcomes:
        if not isinstance(account.outcome, Held):
            continue
        for found in account.outcome.breaks:
            if found.reach is Reach.CYCLE:
                cycle[found] = None
            else:
                rows.append(_row(found, account, account.outcome.invoice))
    return [*(_row(found, None, None) for found in (*cycle, *noted)), *rows]


def _row(
    found: Break, account: AccountOutcome | None, invoice: InvoiceId | None
) -> dict[str, str | int | None]:
    period = None if account is None else account.period
    return {
        "customer": None if account is None else account.customer,
        "period_start": None if period is None else period.start,
        "period_end": None if period is None else period.end,
        "invoice": invoice,
        "tie": found.tie,
        "class": found.kind.value,
        "reach": found.reach.value,
        "size": found.size,
        "expected": found.expected,
        "found": found.found,
        "next_action": found.next_action,
    }


def _class(stored: str, tie: str) -> BreakClass:
    """Drift had one word before it was told apart by what had drifted."""
    if stored == "drift":
        return BreakClass.BACKFILL_DRIFT if tie == TIE_RECOUNT else BreakClass.RERATING_DRIFT
    return BreakClass(stored)


def _read(connection: Connection, where: ColumnElement[bool]) -> tuple[RecordedBreak, ...]:
    query = select(close_break).where(where).order_by(close_break.c.close_run, close_break.c.ordinal)
    return tuple(_recorded(row) for row in connection.execute(query).mappings())


def _recorded(row: RowMapping) -> RecordedBreak:
    start, end = row["period_start"], row["period_end"]
    return RecordedBreak(
        run=row["close_run"],
        ordinal=row["ordinal"],
        customer=None if row["customer"] is None else CustomerId(row["customer"]),
        period=None if start is None else Period(Instant(start), Instant(end)),
        invoice=None if row["invoice"] is None else InvoiceId(row["invoice"]),
        found=Break(
            row["tie"],
            row["expected"],
            row["found"],
            row["next_action"],
            kind=_class(row["class"], row["tie"]),
            size=row["size"],
            reach=Reach(row["reach"]),
        ),
    )
