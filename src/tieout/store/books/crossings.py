"""What rules found and did: a look is written whole, once, by whoever looks next.

The cursor is the lock: a look is recorded only where the one before it ended, so two processes that look at
once record each change once (L16).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import assert_never

from sqlalchemy import Connection, Engine, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from tieout.kernel.ids import CustomerId, Watermark
from tieout.kernel.instant import Instant
from tieout.kernel.rational import Exact
from tieout.ports.triggers import (
    Hold,
    InterimRequest,
    Look,
    LookedElsewhere,
    NotOpen,
    RecordedChange,
    Review,
    States,
    until_of,
)
from tieout.store.books.decisions import while_people_decide
from tieout.store.books.notices import add_notices
from tieout.store.books.schema_trigger import (
    exposure_review,
    exposure_review_decision,
    hold,
    hold_release,
    interim_answer,
    interim_request,
    trigger_change,
    trigger_cursor,
)
from tieout.store.books.trigger_rows import change_of, change_row, hold_of, hold_row, interim_of, review_of
from tieout.store.books.writing import insert_rows, writing
from tieout.store.crash import crash_point
from tieout.trigger.charge.control import Effect, HoldLifted, HoldPlaced, InterimAsked, ReviewAsked
from tieout.trigger.crossing import ChangeKind, RuleId, Scope, ThresholdState

CURSOR = "rules"
_IDS_AT_ONCE = 500
_HOLDS = select(
    hold,
    hold_release.c.person.label("released_by"),
    hold_release.c.reason.label("released_why"),
    hold_release.c.released_at,
).select_from(hold.outerjoin(hold_release, hold.c.id == hold_release.c.hold))
_ALL_HOLDS = _HOLDS.order_by(hold.c.placed_at, hold.c.id)
_HOLDS_OF = _ALL_HOLDS.where(hold.c.customer.in_(bindparam("customers", expanding=True)))
_REVIEWS = select(
    exposure_review,
    exposure_review_decision.c.decision,
    exposure_review_decision.c.person,
    exposure_review_decision.c.reason.label("decided_why"),
    exposure_review_decision.c.decided_at,
).select_from(
    exposure_review.outerjoin(
        exposure_review_decision, exposure_review.c.id == exposure_review_decision.c.review
    )
)
_REQUESTS = select(
    interim_request,
    interim_answer.c.outcome,
    interim_answer.c.reason.label("answer_why"),
    interim_answer.c.invoice,
    interim_answer.c.answered_at,
    trigger_change.c.watermark.label("seen"),
).select_from(
    interim_request.join(trigger_change, interim_request.c.change == trigger_change.c.id).outerjoin(
        interim_answer, interim_request.c.id == interim_answer.c.request
    )
)


@dataclass(frozen=True, slots=True)
class SqlTriggers:
    """The port `TriggerStore`."""

    engine: Engine

    def looked(self) -> Watermark | None:
        with self.engine.connect() as connection:
            return _looked(connection)

    def states(self, customers: Collection[CustomerId]) -> States:
        found: dict[tuple[RuleId, Scope, Exact], ThresholdState] = {}
        asked = list(customers)
        with self.engine.connect() as connection:
            for start in range(0, len(asked), _IDS_AT_ONCE):
                some = trigger_change.c.customer.in_(asked[start : start + _IDS_AT_ONCE])
                query = select(trigger_change).where(some).order_by(trigger_change.c.seq)
                for row in connection.execute(query).mappings():
                    change = change_of(row)
                    armed = change.kind is ChangeKind.REARMED
                    found[change.rule, change.scope, change.threshold] = ThresholdState(change.ordinal, armed)
        return found

    def record(self, look: Look, *, at: Instant) -> None:
        with writing(self.engine) as connection:
            _move_on(connection, look, at)
            if look.changes:
                _refuse_known(connection, look)
                insert_rows(connection, trigger_change, [change_row(each, at) for each in look.changes])
            for effect, reason in look.effects:
                _apply(connection, effect, reason, at)
            add_notices(connection, look.notices, at=at)
            crash_point("look-before-commit")
        crash_point("look-after-commit")

    def changes_of(
        self, customer: CustomerId | None, *, after: int = 0, limit: int = 1_000
    ) -> tuple[RecordedChange, ...]:
        query = select(trigger_change).where(trigger_change.c.seq > after).order_by(trigger_change.c.seq)
        if customer is not None:
            query = query.where(trigger_change.c.customer == customer)
        with self.engine.connect() as connection:
            return tuple(
                RecordedChange(change_of(row), Instant(row["recorded_at"]))
                for row in connection.execute(query.limit(limit)).mappings()
            )

    def holds(self, customers: Collection[CustomerId] | None = None) -> tuple[Hold, ...]:
        with self.engine.connect() as connection:
            if customers is None:
                found = connection.execute(_ALL_HOLDS)
            else:
                found = connection.execute(_HOLDS_OF, {"customers": tuple(customers)})
            return tuple(hold_of(row) for row in found.mappings())

    def place(self, held: Hold) -> Hold:
        with writing(self.engine) as connection:
            while_people_decide(connection)
            rows = connection.execute(_HOLDS.where(hold.c.customer == held.customer)).mappings().all()
            standing = (each for each in map(hold_of, rows) if each.stands_at(held.placed_at))
            before = next((each for each in standing if each.says_the_same(held)), None)
            if before is None:
                insert_rows(connection, hold, [hold_row(held)])
        return held if before is None else before

    def release(self, hold_id: str, *, person: str, reason: str, at: Instant) -> None:
        with writing(self.engine) as connection:
            found = connection.execute(_HOLDS.where(hold.c.id == hold_id)).mappings().one_or_none()
            if found is None or not hold_of(found).stands_at(at):
                raise NotOpen(f"Hold {hold_id} does not stand; nothing was released.")
            _release(connection, hold_id, person=person, reason=reason, change=None, at=at)

    def reviews(self) -> tuple[Review, ...]:
        query = _REVIEWS.order_by(exposure_review.c.asked_at, exposure_review.c.id)
        with self.engine.connect() as connection:
            return tuple(review_of(row) for row in connection.execute(query).mappings())

    def decide(
        self, review_id: str, *, decision: str, person: str, reason: str, at: Instant, held: Hold | None
    ) -> None:
        with writing(self.engine) as connection:
            found = (
                connection.execute(_REVIEWS.where(exposure_review.c.id == review_id)).mappings().one_or_none()
            )
            if found is None or review_of(found).decided is not None:
                raise NotOpen(f"Review {review_id} is not open; nothing was decided.")
            if held is not None:
                insert_rows(connection, hold, [hold_row(held)])
            row = {"review": review_id, "decision": decision, "person": person, "reason": reason}
            also = {"hold": None if held is None else held.id, "decided_at": at}
            insert_rows(connection, exposure_review_decision, [row | also])

    def interim_requests(self, *, open_only: bool) -> tuple[InterimRequest, ...]:
        query = _REQUESTS.order_by(interim_request.c.asked_at, interim_request.c.id)
        if open_only:
            query = query.where(interim_answer.c.request.is_(None))
        with self.engine.connect() as connection:
            return tuple(interim_of(row) for row in connection.execute(query).mappings())

    def answer(self, request_id: str, *, outcome: str, reason: str, invoice: str | None, at: Instant) -> None:
        with writing(self.engine) as connection:
            found = (
                connection.execute(_REQUESTS.where(interim_request.c.id == request_id))
                .mappings()
                .one_or_none()
            )
            if found is None or interim_of(found).answer is not None:
                raise NotOpen(f"Request {request_id} is not open; nothing was answered.")
            row = {"request": request_id, "outcome": outcome, "reason": reason, "invoice": invoice}
            insert_rows(connection, interim_answer, [row | {"answered_at": at}])
            crash_point("look-before-answered")
        crash_point("look-after-answered")


def _looked(connection: Connection) -> Watermark | None:
    query = select(trigger_cursor.c.watermark).where(trigger_cursor.c.name == CURSOR)
    found = connection.execute(query).scalar_one_or_none()
    return None if found is None else Watermark(found)


def _move_on(connection: Connection, look: Look, at: Instant) -> None:
    """Whoever is second waits for the first at this row, or at its key, and then finds it moved."""
    row = {"name": CURSOR, "watermark": look.until, "looked_at": at}
    if look.since == 0 and _looked(connection) is None:
        try:
            connection.execute(insert(trigger_cursor), row)
        except IntegrityError:  # another first look was faster
            raise LookedElsewhere(look.until) from None
        return
    moved = connection.execute(
        update(trigger_cursor)
        .where(trigger_cursor.c.name == CURSOR, trigger_cursor.c.watermark == look.since)
        .values(watermark=look.until, looked_at=at)
    )
    if moved.rowcount != 1:
        raise LookedElsewhere(_looked(connection) or Watermark(0))


def _refuse_known(connection: Connection, look: Look) -> None:
    """Two that look without a new batch both begin where the last one ended."""
    for first in range(0, len(look.changes), _IDS_AT_ONCE):
        ids = [each.id for each in look.changes[first : first + _IDS_AT_ONCE]]
        query = select(trigger_change.c.id).where(trigger_change.c.id.in_(ids)).limit(1)
        if connection.execute(query).scalar_one_or_none() is not None:
            raise LookedElsewhere(look.until)


def _apply(connection: Connection, effect: Effect, reason: str, at: Instant) -> None:
    match effect:
        case HoldPlaced():
            by = "rule"
            held = Hold(
                effect.id,
                effect.customer,
                effect.features,
                reason,
                by,
                at,
                until_of(effect.until_period_end),
                effect.id,
                None,
            )
            insert_rows(connection, hold, [hold_row(held)])
        case HoldLifted():
            found = connection.execute(_HOLDS.where(hold.c.id == effect.lifts)).mappings().one_or_none()
            if found is not None and hold_of(found).stands_at(at):
                _release(connection, effect.lifts, person=None, reason=reason, change=effect.id, at=at)
        case ReviewAsked():
            row = {"id": effect.id, "customer": effect.customer, "reason": reason}
            insert_rows(connection, exposure_review, [row | {"change": effect.id, "asked_at": at}])
        case InterimAsked():
            period = effect.period
            row = {"id": effect.id, "customer": effect.customer, "reason": reason, "change": effect.id}
            also = {"period_start": period.start, "period_end": period.end, "asked_at": at}
            insert_rows(connection, interim_request, [row | also])
        case _:
            assert_never(effect)


def _release(
    connection: Connection, id: str, *, person: str | None, reason: str, change: str | None, at: Instant
) -> None:
    row = {"hold": id, "person": person, "reason": reason, "change": change, "released_at": at}
    insert_rows(connection, hold_release, [row])
