"""Lines that people add to invoices, and what others decide about them: both added once, for ever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, RowMapping, Select, func, select
from sqlalchemy.exc import IntegrityError

from tieout.invoice.invoice import KIND_FINAL
from tieout.kernel.ids import CustomerId
from tieout.kernel.instant import Instant
from tieout.kernel.money import Money, currency
from tieout.kernel.period import Period
from tieout.rate.manual_line import DecidedLine, LineDecision, ManualLine
from tieout.store.books.decisions import SealedAlready, while_people_decide
from tieout.store.books.schema import charge, invoice
from tieout.store.books.schema_close import invoice_void, manual_line, manual_line_decision
from tieout.store.books.writing import insert_rows, writing

_COLUMNS = (
    *manual_line.c,
    manual_line_decision.c.decision,
    manual_line_decision.c.person.label("decided_by"),
    manual_line_decision.c.reason.label("decided_because"),
    manual_line_decision.c.decided_at,
)


@dataclass(frozen=True, slots=True)
class SqlManualLines:
    """The port `ManualLineStore`."""

    engine: Engine

    def all(
        self, *, customer: CustomerId | None = None, since: Instant | None = None
    ) -> tuple[ManualLine, ...]:
        query = select(*_COLUMNS).outerjoin(manual_line_decision)
        if customer is not None:
            query = query.where(manual_line.c.customer == customer)
        if since is not None:
            query = query.where(manual_line.c.period_start >= since)
        order = (manual_line.c.customer, manual_line.c.period_start, manual_line.c.recorded_at)
        with self.engine.connect() as connection:
            found = connection.execute(query.order_by(*order, manual_line.c.id)).mappings().all()
        return tuple(_line(row) for row in found)

    def find(self, id: str) -> ManualLine | None:
        query = select(*_COLUMNS).outerjoin(manual_line_decision).where(manual_line.c.id == id)
        with self.engine.connect() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else _line(row)

    def billed(self, lines: Sequence[ManualLine]) -> dict[str, str]:
        prices = {line.price: line.id for line in lines}
        query = (
            select(charge.c.price, invoice.c.number)
            .join(invoice, charge.c.invoice == invoice.c.id)
            .where(charge.c.price.in_(sorted(prices)))
            .where(invoice.c.id.not_in(select(invoice_void.c.invoice)))
        )
        with self.engine.connect() as connection:
            return {prices[row.price]: row.number for row in connection.execute(query)}

    def sealed(self, line: ManualLine) -> str | None:
        with self.engine.connect() as connection:
            return connection.execute(_sealed(line)).scalar()

    def count(self) -> int:
        query = select(func.count()).select_from(manual_line_decision)
        with self.engine.connect() as connection:
            return connection.execute(query).scalar_one()

    def add(self, line: ManualLine) -> bool:
        try:
            with writing(self.engine) as connection:
                while_people_decide(connection)
                if (number := connection.execute(_sealed(line)).scalar()) is not None:
                    raise SealedAlready(number)
                insert_rows(connection, manual_line, [_row(line)])
        except IntegrityError:
            return False
        return True

    def decide(self, line: ManualLine, decided: DecidedLine) -> bool:
        row = {
            "manual_line": line.id,
            "decision": decided.decision.value,
            "person": decided.person,
            "reason": decided.reason,
            "decided_at": decided.decided_at,
        }
        try:
            with writing(self.engine) as connection:
                while_people_decide(connection)
                number = connection.execute(_sealed(line)).scalar()
                if number is not None and decided.decision is LineDecision.APPROVED:
                    raise SealedAlready(number)
                insert_rows(connection, manual_line_decision, [row])
        except IntegrityError:
            return False
        return True


def _sealed(line: ManualLine) -> Select[tuple[str]]:
    """The number of the live final invoice of the line's period."""
    return (
        select(invoice.c.number)
        .where(invoice.c.customer == line.customer, invoice.c.kind == KIND_FINAL)
        .where(invoice.c.period_start == line.period.start, invoice.c.period_end == line.period.end)
        .where(invoice.c.id.not_in(select(invoice_void.c.invoice)))
    )


def _row(line: ManualLine) -> dict[str, str | int]:
    return {
        "id": line.id,
        "customer": line.customer,
        "period_start": line.period.start,
        "period_end": line.period.end,
        "currency": line.amount.currency.code,
        "amount_minor": line.amount.minor,
        "description": line.description,
        "tax_category": line.tax_category,
        "person": line.person,
        "reason": line.reason,
        "recorded_at": line.recorded_at,
    }


def _line(row: RowMapping) -> ManualLine:
    decided = None
    if row["decision"] is not None:
        decided = DecidedLine(
            LineDecision(row["decision"]),
            row["decided_by"],
            row["decided_because"],
            Instant(row["decided_at"]),
        )
    return ManualLine(
        id=row["id"],
        customer=CustomerId(row["customer"]),
        period=Period(Instant(row["period_start"]), Instant(row["period_end"])),
        amount=Money(row["amount_minor"], currency(row["currency"])),
        description=row["description"],
        tax_category=row["tax_category"],
        person=row["person"],
        reason=row["reason"],
        recorded_at=Instant(row["recorded_at"]),
        decided=decided,
    )
