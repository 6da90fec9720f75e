"""The outbox and the work of delivering what lies in it.

`add_notices` belongs inside the transaction that records what justifies them. Everything else moves
messages: a notice leaves the outbox in the transaction that makes its messages, and a message is sent under
a claim that runs out, so that another process takes it up after a crash (delivered at least once).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, RowMapping, delete, insert, or_, select

from tieout.contract.notice_target import NoticeTarget
from tieout.kernel.ids import NoticeId
from tieout.kernel.instant import Instant
from tieout.notice.attempt import Attempt, MessageState
from tieout.notice.notice import Notice
from tieout.notice.routing import Routing
from tieout.ports.notices import (
    ID_BEGINNING_MIN,
    Acknowledgement,
    Claim,
    DueEscalation,
    NoticeChanged,
    NoticeCounts,
    NoticeFilter,
    RecordedNotice,
    StoredMessage,
)
from tieout.store.books import notice_messages as work
from tieout.store.books.notice_rows import notice_of
from tieout.store.books.schema_notice import notice, notice_acknowledgement, notice_outbox
from tieout.store.books.writing import insert_rows, writing
from tieout.store.crash import crash_point

_RECORDED = select(
    notice,
    notice_acknowledgement.c.person.label("ack_person"),
    notice_acknowledgement.c.reason.label("ack_reason"),
    notice_acknowledgement.c.acknowledged_at,
    notice_acknowledgement.c.api_key.label("ack_api_key"),
    notice_acknowledgement.c.idempotency_key,
    notice_acknowledgement.c.request_sha256,
).select_from(notice.outerjoin(notice_acknowledgement, notice.c.id == notice_acknowledgement.c.notice))


def add_notices(connection: Connection, notices: Sequence[Notice], *, at: Instant) -> int:
    """Inside a write transaction of the books: those whose ids are not there yet, each with its place in the
    outbox; how many that were. Raises `NoticeChanged`.
    """
    added = 0
    for each in notices:
        found = connection.execute(select(notice).where(notice.c.id == each.id)).mappings().one_or_none()
        if found is not None:
            if notice_of(found) != each:
                raise NoticeChanged(each.id)
            continue
        insert_rows(connection, notice, [_row(each, at)])
        connection.execute(insert(notice_outbox), {"notice": each.id, "recorded_at": at})
        added += 1
    return added


@dataclass(frozen=True, slots=True)
class SqlNotices:
    """The port `NoticeStore`."""

    engine: Engine

    def record(self, notices: Sequence[Notice], *, at: Instant) -> int:
        with writing(self.engine) as connection:
            added = add_notices(connection, notices, at=at)
            crash_point("notice-before-commit")
        crash_point("notice-after-commit")
        return added

    def find(self, id: str) -> RecordedNotice | None:
        wanted = notice.c.id == id
        if len(id) >= ID_BEGINNING_MIN:
            wanted = notice.c.id.startswith(id, autoescape=True)
        with self.engine.connect() as connection:
            found = connection.execute(_RECORDED.where(wanted).limit(2)).mappings().all()
        return recorded_of(found[0]) if len(found) == 1 else None

    def page(self, wanted: NoticeFilter, *, after: NoticeId | None, limit: int) -> tuple[RecordedNotice, ...]:
        query = _RECORDED.order_by(notice.c.recorded_at.desc(), notice.c.id.desc()).limit(limit)
        if wanted.customer is not None:
            query = query.where(notice.c.customer == wanted.customer)
        if wanted.kind is not None:
            query = query.where(notice.c.kind == wanted.kind)
        if wanted.severity is not None:
            query = query.where(notice.c.severity == wanted.severity.value)
        if wanted.acknowledged is not None:
            is_open = notice_acknowledgement.c.notice.is_(None)
            query = query.where(~is_open if wanted.acknowledged else is_open)
        if after is not None:
            then = select(notice.c.recorded_at).where(notice.c.id == after).scalar_subquery()
            same = (notice.c.recorded_at == then) & (notice.c.id < after)
            query = query.where(or_(notice.c.recorded_at < then, same))
        with self.engine.connect() as connection:
            return tuple(recorded_of(row) for row in connection.execute(query).mappings())

    def acknowledge(self, given: Acknowledgement) -> Acknowledgement:
        with writing(self.engine) as connection:
            work.one_at_a_time(connection)
            standing = _acknowledgement(connection, notice_acknowledgement.c.notice == given.notice)
            if standing is not None:
                return standing
            insert_rows(connection, notice_acknowledgement, [_acknowledgement_row(given)])
            work.end_escalations(connection, given.notice)
        return given

    def acknowledged_by_request(self, *, api_key: str, idempotency_key: str) -> Acknowledgement | None:
        wanted = (notice_acknowledgement.c.api_key == api_key) & (
            notice_acknowledgement.c.idempotency_key == idempotency_key
        )
        with self.engine.connect() as connection:
            return _acknowledgement(connection, wanted)

    def unrouted(self, limit: int) -> tuple[RecordedNotice, ...]:
        with self.engine.connect() as connection:
            waiting = select(notice_outbox.c.notice).order_by(
                notice_outbox.c.recorded_at, notice_outbox.c.notice
            )
            ids = connection.execute(waiting.limit(limit)).scalars().all()
            query = _RECORDED.where(notice.c.id.in_(ids)).order_by(notice.c.recorded_at, notice.c.id)
            return tuple(recorded_of(row) for row in connection.execute(query).mappings())

    def route(self, routings: Sequence[Routing], *, at: Instant) -> None:
        with writing(self.engine) as connection:
            work.one_at_a_time(connection)
            gathering: work.Gathering = {}
            for routing in routings:
                gone = delete(notice_outbox).where(notice_outbox.c.notice == routing.notice)
                if connection.execute(gone).rowcount:
                    work.add_messages(connection, routing, at=at, gathering=gathering)
            crash_point("notice-before-routed")
        crash_point("notice-after-routed")

    def claim(
        self,
        *,
        now: Instant,
        until: Instant,
        token: str,
        leaving_out: Collection[str],
        per_target: int,
        own: bool,
        targets_max: int,
    ) -> tuple[Claim, ...]:
        wanted = work.due(self.engine, now=now, leaving_out=leaving_out, per_target=per_target, own=own)
        found = work.of_first_targets(wanted, targets_max)
        if not found:  # the usual case costs no write
            return ()
        with writing(self.engine) as connection:
            work.one_at_a_time(connection)
            taken = work.take(connection, found, now=now, until=until, token=token)
        crash_point("notice-after-claim")
        return taken

    def finish(self, claim: Claim, attempt: Attempt, *, state: MessageState, due_at: Instant) -> None:
        crash_point("notice-after-send")
        with writing(self.engine) as connection:
            work.one_at_a_time(connection)
            work.finish(connection, claim, attempt, state=state, due_at=due_at)
            crash_point("notice-before-mark")
        crash_point("notice-after-mark")

    def postpone(self, claim: Claim, *, due_at: Instant) -> None:
        with writing(self.engine) as connection:
            work.postpone(connection, claim, due_at=due_at)
            crash_point("notice-before-postponed")
        crash_point("notice-after-postponed")

    def due_escalations(self, *, now: Instant, limit: int) -> tuple[DueEscalation, ...]:
        rows = work.due_escalations(self.engine, now=now, limit=limit)
        found = {row["notice"]: self.find(row["notice"]) for row in rows}
        return tuple(work.escalation_of(row, recorded) for row in rows if (recorded := found[row["notice"]]))

    def escalate(self, due: DueEscalation, routing: Routing | None, *, at: Instant) -> None:
        with writing(self.engine) as connection:
            work.one_at_a_time(connection)
            is_due = work.end_escalation(connection, due)
            wanted = notice_acknowledgement.c.notice == due.recorded.notice.id
            if is_due and routing is not None and _acknowledgement(connection, wanted) is None:
                work.add_messages(connection, routing, at=at)
            crash_point("notice-before-escalated")
        crash_point("notice-after-escalated")

    def resend(self, id: NoticeId, target: NoticeTarget, *, at: Instant) -> None:
        with writing(self.engine) as connection:
            work.one_at_a_time(connection)
            work.add_messages(connection, work.resending(connection, id, target, at=at), at=at)

    def messages(
        self, *, notice: NoticeId | None, target: str | None, limit: int
    ) -> tuple[StoredMessage, ...]:
        return work.stored_messages(self.engine, notice_id=notice, target=target, limit=limit)

    def counts(self) -> NoticeCounts:
        return work.counts(self.engine)

    def unsettled(self, *, limit: int) -> tuple[int, tuple[StoredMessage, ...]]:
        return work.unsettled(self.engine, limit=limit)


def recorded_of(row: RowMapping) -> RecordedNotice:
    given = None
    if row["acknowledged_at"] is not None:
        given = Acknowledgement(
            notice=NoticeId(row["id"]),
            person=row["ack_person"],
            reason=row["ack_reason"],
            at=Instant(row["acknowledged_at"]),
            api_key=row["ack_api_key"],
            idempotency_key=row["idempotency_key"],
            request_sha256=row["request_sha256"],
        )
    return RecordedNotice(notice_of(row), Instant(row["recorded_at"]), given)


def _row(each: Notice, at: Instant) -> dict[str, str | int | None]:
    return {
        "id": each.id,
        "kind": each.kind,
        "customer": each.customer,
        "severity": each.severity.value,
        "happened_at": each.at,
        "watermark": each.watermark,
        "title": each.title,
        "text": each.text,
        "data": each.data,
        "recorded_at": at,
    }


def _acknowledgement(connection: Connection, wanted: object) -> Acknowledgement | None:
    query = select(notice_acknowledgement).where(wanted)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return None
    return Acknowledgement(
        notice=NoticeId(row["notice"]),
        person=row["person"],
        reason=row["reason"],
        at=Instant(row["acknowledged_at"]),
        api_key=row["api_key"],
        idempotency_key=row["idempotency_key"],
        request_sha256=None if row["request_sha256"] is None else bytes(row["request_sha256"]),
    )


def _acknowledgement_row(given: Acknowledgement) -> dict[str, str | int | bytes | None]:
    return {
        "notice": given.notice,
        "person": given.person,
        "reason": given.reason,
        "api_key": given.api_key,
        "idempotency_key": given.idempotency_key,
        "request_sha256": given.request_sha256,
        "acknowledged_at": given.at,
    }
