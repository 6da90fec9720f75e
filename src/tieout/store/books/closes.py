"""Runs of the close and their outcomes. A run without an end was interrupted; the next run goes on where it
stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, and_, bindparam, exists, func, literal, select, update

from tieout.close.account import AccountOutcome, RecordedOutcome, recorded
from tieout.close.outcome import OutcomeName
from tieout.kernel.ids import CustomerId, InvoiceId, Watermark
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period
from tieout.ports.books import CloseRun
from tieout.ports.leases import Lease
from tieout.store.books.closer_lease import closer_lease
from tieout.store.books.folios import note_change
from tieout.store.books.schema import close_outcome, close_run, invoice
from tieout.store.books.writing import insert_numbered, insert_rows, writing
from tieout.store.crash import crash_point

ROWS_PER_TRANSACTION = 500

_UNENDED = select(close_run.c.id).where(close_run.c.ended_at.is_(None))
_TOLD = exists().where(
    close_outcome.c.customer == invoice.c.customer,
    close_outcome.c.invoice == invoice.c.id,
    close_outcome.c.outcome == OutcomeName.SEALED.value,
)
_OUTCOMES_OF_SEALS = (
    select(
        invoice.c.customer,
        invoice.c.period_start,
        invoice.c.period_end,
        literal(OutcomeName.SEALED.value).label("outcome"),
        (literal("sealed as ") + invoice.c.number).label("reason"),
        literal("").label("next_action"),
        invoice.c.id.label("invoice"),
    )
    .where(invoice.c.close_run.in_(bindparam("interrupted", expanding=True)), ~_TOLD)
    .order_by(invoice.c.close_run, invoice.c.id)
)
"""What an interrupted run sealed and came to tell nobody; its accounts are not due again, so no later run
would.
"""


@dataclass(frozen=True, slots=True)
class SqlCloses:
    """The port `CloseStore`."""

    engine: Engine
    folder: Path

    def running(self) -> AbstractContextManager[Lease | None]:
        return closer_lease(self.engine, self.folder)

    def start(self, *, as_of: Instant, cutoff: Watermark, cutoff_at: Instant) -> int:
        row = {"as_of": as_of, "cutoff": cutoff, "cutoff_at": cutoff_at}
        with writing(self.engine) as connection:
            interrupted = connection.execute(_UNENDED).scalars().all()
            run = insert_numbered(connection, close_run, row)
            if interrupted:
                sealed = connection.execute(_OUTCOMES_OF_SEALS, {"interrupted": interrupted}).mappings()
                if told := [{"close_run": run, **each} for each in sealed]:
                    insert_rows(connection, close_outcome, told)
        crash_point("close-after-start")
        return run

    def record(self, run: int, outcomes: Sequence[AccountOutcome]) -> None:
        crash_point("close-before-outcomes")
        rows = [_row(run, recorded(account)) for account in outcomes]
        for first in range(0, len(rows), ROWS_PER_TRANSACTION):
            with writing(self.engine) as connection:
                insert_rows(connection, close_outcome, rows[first : first + ROWS_PER_TRANSACTION])
            crash_point("close-after-outcomes")

    def end(self, run: int, *, at: Instant) -> None:
        with writing(self.engine) as connection:
            connection.execute(update(close_run).where(close_run.c.id == run).values(ended_at=at))
            note_change(connection, close_run, run, "ended_at", at)
        crash_point("close-after-end")

    def waiting(self) -> dict[OutcomeName, int]:
        later = close_outcome.alias("later")
        same_period = and_(
            later.c.period_start.is_not_distinct_from(close_outcome.c.period_start),
            later.c.period_end.is_not_distinct_from(close_outcome.c.period_end),
        )
        overtaken = exists().where(
            later.c.customer == close_outcome.c.customer, later.c.id > close_outcome.c.id, same_period
        )
        names = [OutcomeName.HELD.value, OutcomeName.PARKED.value, OutcomeName.IN_REVIEW.value]
        query = (
            select(close_outcome.c.outcome, func.count())
            .where(close_outcome.c.outcome.in_(names), ~overtaken)
            .group_by(close_outcome.c.outcome)
        )
        with self.engine.connect() as connection:
            found = connection.execute(query).all()
        return {OutcomeName(name): count for name, count in found}

    def last_ended(self) -> tuple[int, Instant] | None:
        query = (
            select(close_run.c.id, close_run.c.ended_at)
            .where(close_run.c.ended_at.is_not(None))
            .order_by(close_run.c.id.desc())
            .limit(1)
        )
        with self.engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else (row[0], Instant(row[1]))

    def runs(self) -> tuple[CloseRun, ...]:
        columns = close_outcome.c.close_run, close_outcome.c.customer
        accounts: dict[int, list[CustomerId]] = {}
        with self.engine.connect() as connection:
            for run, customer in connection.execute(select(*columns).distinct().order_by(*columns)):
                accounts.setdefault(run, []).append(CustomerId(customer))
            rows = connection.execute(select(close_run).order_by(close_run.c.id)).all()
        return tuple(
            CloseRun(
                row.id,
                Instant(row.as_of),
                Watermark(row.cutoff),
                Instant(row.cutoff_at),
                tuple(accounts.get(row.id, ())),
            )
            for row in rows
        )

    def latest(self) -> tuple[RecordedOutcome, ...]:
        account = (close_outcome.c.customer, close_outcome.c.period_start, close_outcome.c.period_end)
        last = select(func.max(close_outcome.c.id)).group_by(*account)
        query = select(close_outcome).where(close_outcome.c.id.in_(last)).order_by(*account)
        with self.engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
        return tuple(
            RecordedOutcome(
                customer=CustomerId(row["customer"]),
                period=_period(row["period_start"], row["period_end"]),
                outcome=OutcomeName(row["outcome"]),
                reason=row["reason"],
                next_action=row["next_action"],
                invoice=None if row["invoice"] is None else InvoiceId(row["invoice"]),
            )
            for row in rows
        )


def _row(run: int, outcome: RecordedOutcome) -> dict[str, str | int | None]:
    return {
        "close_run": run,
        "customer": outcome.customer,
        "period_start": None if outcome.period is None else outcome.period.start,
        "period_end": None if outcome.period is None else outcome.period.end,
        "outcome": outcome.outcome.value,
        "reason": outcome.reason,
        "next_action": outcome.next_action,
        "invoice": outcome.invoice,
    }


def _period(start: int | None, end: int | None) -> Period | None:
    return None if start is None or end is None else Period(Instant(start), Instant(end))
