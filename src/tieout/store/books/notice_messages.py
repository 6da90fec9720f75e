"""Messages as rows that move: made when notices are routed, claimed, sent, ended; and escalations.

Whoever moves them does so one at a time (SQLite has one writer; on PostgreSQL an advisory lock), which costs
nothing that ingestion would notice: the log is another database.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, RowMapping, delete, exists, func, insert, or_, select, update

from tieout.contract.notice_target import NoticeTarget
from tieout.contract.own_target import OWN_MARK
from tieout.kernel.ids import NoticeId, NoticeTargetKey
from tieout.kernel.instant import Instant
from tieout.notice.attempt import Attempt, MessageState, Outcome
from tieout.notice.message import DIGEST_NOTICES_MAX, Letter, wire_id
from tieout.notice.notice import Notice
from tieout.notice.routing import Addressed, Routing
from tieout.ports.notices import Claim, DueEscalation, NoticeCounts, RecordedNotice, StoredMessage
from tieout.store.books.notice_rows import notice_of
from tieout.store.books.schema_notice import (
    notice,
    notice_acknowledgement,
    notice_attempt,
    notice_escalation,
    notice_message,
    notice_outbox,
    notice_part,
    notice_sent_once,
)
from tieout.store.books.writing import insert_rows
from tieout.store.sqlite import is_sqlite

MESSAGES_LOCK = 0x6E6F7469
"""The key of the advisory lock."""
_OPEN = (MessageState.GATHERING.value, MessageState.WAITING.value)
message = notice_message.c
_IS_OWN = message.target.startswith(OWN_MARK)
_later, _later_part = notice_message.alias("later"), notice_part.alias("later_part")
_UNSETTLED = (
    select(message.id)
    .where(message.state == MessageState.GIVEN_UP.value, ~_IS_OWN)
    .where(
        exists()
        .where(notice_part.c.message == message.id)
        .where(~exists().where(notice_acknowledgement.c.notice == notice_part.c.notice))
        .where(
            ~exists()
            .where(_later_part.c.notice == notice_part.c.notice, _later_part.c.message == _later.c.id)
            .where(_later.c.target == message.target, _later.c.id > message.id)
            .where(_later.c.state == MessageState.DELIVERED.value)
        )
    )
    .order_by(message.id.desc())
)


def one_at_a_time(connection: Connection) -> None:
    """Inside a write transaction: nobody else moves messages until it ends."""
    if not is_sqlite(connection):
        connection.execute(select(func.pg_advisory_xact_lock(MESSAGES_LOCK)))


@dataclass(slots=True)
class _Gathering:
    """A digest that others may still join, with how many notices it has."""

    message: int
    due_at: Instant
    count: int


Gathering = dict[NoticeTargetKey, _Gathering]
"""By target, what was joined last: in one transaction each digest is looked up and counted once."""


def add_messages(
    connection: Connection, routing: Routing, *, at: Instant, gathering: Gathering | None = None
) -> None:
    joined = {} if gathering is None else gathering
    for each in routing.addressed:
        once = {"notice": routing.notice, "target": each.target, "occasion": each.occasion}
        insert_rows(connection, notice_sent_once, [once])
        number = _joined(connection, each, at, joined) if each.gathers else _new_message(connection, each, at)
        insert_rows(connection, notice_part, [{"message": number, "notice": routing.notice}])
    for step in routing.steps:
        row = {"notice": routing.notice, "target": step.target, "step": step.step}
        connection.execute(insert(notice_escalation), {**row, "to_target": step.to, "due_at": step.due_at})


def _joined(connection: Connection, each: Addressed, at: Instant, joined: Gathering) -> int:
    """The digest of that target which the notice joins, if one goes no later than this one may wait; else a
    new one. What is full gathers no more, so that nobody looks at it again until it is due."""
    found = joined.get(each.target)
    if found is None or found.due_at > each.due_at:
        found = _open_digest(connection, each)
    if found is None:
        found = _Gathering(_new_message(connection, each, at), each.due_at, 0)
    joined[each.target] = found
    found.count += 1
    if found.count >= DIGEST_NOTICES_MAX:
        _close_digest(connection, found.message)
        del joined[each.target]
    return found.message


def _open_digest(connection: Connection, each: Addressed) -> _Gathering | None:
    query = (
        select(message.id, message.due_at)
        .where(message.target == each.target, message.state == MessageState.GATHERING.value)
        .where(message.due_at <= each.due_at)
        .order_by(message.id)
    )
    for number, due_at in connection.execute(query).all():
        parts = select(func.count()).where(notice_part.c.message == number)
        count: int = connection.execute(parts).scalar_one()
        if count < DIGEST_NOTICES_MAX:
            return _Gathering(number, due_at, count)
        _close_digest(connection, number)  # one that was filled before full ones were closed
    return None


def _close_digest(connection: Connection, number: int) -> None:
    """It is sent when it is due, with what it has."""
    closed = {"state": MessageState.WAITING.value}
    connection.execute(update(notice_message).where(message.id == number).values(**closed))


def _new_message(connection: Connection, each: Addressed, at: Instant) -> int:
    row = {
        "wire_id": None,
        "target": each.target,
        "occasion": each.occasion,
        "state": (MessageState.GATHERING if each.gathers else MessageState.WAITING).value,
        "passes": each.passes,
        "attempts": 0,
        "created_at": at,
        "due_at": each.due_at,
        "detail": "",
    }
    number: int = connection.execute(insert(notice_message).returning(message.id), row).scalar_one()
    return number


def due(
    engine: Engine, *, now: Instant, leaving_out: Collection[str], per_target: int, own: bool
) -> list[tuple[int, str]]:
    """Unclaimed messages that are due, with their targets, the longest waiting first, so many of each."""
    place = func.row_number().over(partition_by=message.target, order_by=(message.due_at, message.id))
    inner = select(message.id, message.target, message.due_at, place.label("place")).where(
        message.state.in_(_OPEN), message.due_at <= now, _is_free(now), _IS_OWN if own else ~_IS_OWN
    )
    if leaving_out:
        inner = inner.where(message.target.not_in(leaving_out))
    ranked = inner.subquery()
    query = select(ranked.c.id, ranked.c.target).where(ranked.c.place <= per_target)
    with engine.connect() as connection:
        found = connection.execute(query.order_by(ranked.c.due_at, ranked.c.id))
        return [(number, target) for number, target in found]


def of_first_targets(found: Sequence[tuple[int, str]], count: int) -> list[int]:
    """The messages of so many targets: what nobody has a worker for stays unclaimed."""
    chosen = set(list(dict.fromkeys(target for _, target in found))[:count])
    return [number for number, target in found if target in chosen]


def _is_free(now: Instant) -> object:
    return or_(message.claimed_until.is_(None), message.claimed_until <= now)


def take(
    connection: Connection, found: Sequence[int], *, now: Instant, until: Instant, token: str
) -> tuple[Claim, ...]:
    """Claims them, and closes what gathered: from now on a message's notices and id are what they are."""
    query = select(notice_message).where(
        message.id.in_(found), message.state.in_(_OPEN), message.due_at <= now, _is_free(now)
    )
    taken = []
    for row in connection.execute(query.order_by(message.due_at, message.id)).mappings().all():
        told = _notices(connection, row["id"])
        sent_as = row["wire_id"] or wire_id(NoticeTargetKey(row["target"]), told)
        changes = {"wire_id": sent_as, "state": MessageState.WAITING.value}
        held = {"claim": f"{token}.{row['id']}", "claimed_until": until}
        connection.execute(update(notice_message).where(message.id == row["id"]).values(**changes, **held))
        taken.append(
            Claim(
                message=row["id"],
                claim=held["claim"],
                target=NoticeTargetKey(row["target"]),
                attempts=row["attempts"],
                passes=row["passes"],
                letter=Letter(sent_as, told),
            )
        )
    return tuple(taken)


def _notices(connection: Connection, number: int) -> tuple[Notice, ...]:
    query = (
        select(notice)
        .join(notice_part, notice_part.c.notice == notice.c.id)
        .where(notice_part.c.message == number)
        .order_by(notice.c.recorded_at, notice.c.id)
    )
    return tuple(notice_of(row) for row in connection.execute(query).mappings())


def finish(
    connection: Connection, claim: Claim, attempt: Attempt, *, state: MessageState, due_at: Instant
) -> None:
    """Adds the attempt. Where the claim ran out and another sender was faster, what is delivered stays so."""
    current = select(notice_message).where(message.id == claim.message)
    row = connection.execute(current).mappings().one()
    ordinal = row["attempts"] + 1
    insert_rows(
        connection,
        notice_attempt,
        [
            {
                "message": claim.message,
                "ordinal": ordinal,
                "target_version": attempt.target_version,
                "started_at": attempt.started_at,
                "ended_at": attempt.ended_at,
                "outcome": attempt.outcome.value,
                "status": attempt.status,
                "detail": attempt.detail,
                "next_at": attempt.next_at,
            }
        ],
    )
    changes: dict[str, object] = {"attempts": ordinal}
    overtaken = row["claim"] != claim.claim and state is not MessageState.DELIVERED
    if not overtaken and row["state"] != MessageState.DELIVERED.value:
        ended = None if state in (MessageState.WAITING, MessageState.GATHERING) else attempt.ended_at
        changes |= {"state": state.value, "due_at": due_at, "claim": None, "claimed_until": None}
        changes |= {"ended_at": ended, "detail": attempt.detail}
    connection.execute(update(notice_message).where(message.id == claim.message).values(**changes))


def postpone(connection: Connection, claim: Claim, *, due_at: Instant) -> None:
    ours = (message.id == claim.message) & (message.claim == claim.claim)
    free = {"claim": None, "claimed_until": None, "due_at": due_at}
    connection.execute(update(notice_message).where(ours).values(**free))


def due_escalations(engine: Engine, *, now: Instant, limit: int) -> Sequence[RowMapping]:
    query = select(notice_escalation).where(notice_escalation.c.due_at <= now)
    query = query.order_by(notice_escalation.c.due_at, notice_escalation.c.notice).limit(limit)
    with engine.connect() as connection:
        return connection.execute(query).mappings().all()


def escalation_of(row: RowMapping, recorded: RecordedNotice) -> DueEscalation:
    return DueEscalation(
        recorded, NoticeTargetKey(row["target"]), row["step"], NoticeTargetKey(row["to_target"])
    )


def end_escalation(connection: Connection, done: DueEscalation) -> bool:
    """Whether it was still to be done."""
    each = notice_escalation.c
    wanted = (
        (each.notice == done.recorded.notice.id) & (each.target == done.target) & (each.step == done.step)
    )
    return bool(connection.execute(delete(notice_escalation).where(wanted)).rowcount)


def end_escalations(connection: Connection, id: NoticeId) -> None:
    connection.execute(delete(notice_escalation).where(notice_escalation.c.notice == id))


def resending(connection: Connection, id: NoticeId, target: NoticeTarget, *, at: Instant) -> Routing:
    """The next of its resends to that target."""
    once = notice_sent_once.c
    query = select(func.count()).where(
        once.notice == id, once.target == target.key, once.occasion.like("resend %")
    )
    count = connection.execute(query).scalar_one()
    again = Addressed(target.key, f"resend {count + 1}", at, gathers=False, passes=True)
    return Routing(id, (again,), ())


def stored_messages(
    engine: Engine,
    *,
    limit: int,
    notice_id: NoticeId | None = None,
    target: str | None = None,
    ids: Sequence[int] | None = None,
) -> tuple[StoredMessage, ...]:
    query = select(notice_message).order_by(message.id.desc()).limit(limit)
    if notice_id is not None:
        of = select(notice_part.c.message).where(notice_part.c.notice == notice_id)
        query = query.where(message.id.in_(of))
    if target is not None:
        query = query.where(message.target == target)
    if ids is not None:
        query = query.where(message.id.in_(ids))
    with engine.connect() as connection:
        found = connection.execute(query).mappings().all()
        numbers = [row["id"] for row in found]
        parts, attempts = _parts(connection, numbers), _attempts(connection, numbers)
    return tuple(
        StoredMessage(
            id=row["id"],
            wire_id=row["wire_id"],
            target=NoticeTargetKey(row["target"]),
            occasion=row["occasion"],
            state=MessageState(row["state"]),
            attempts=tuple(attempts.get(row["id"], ())),
            created_at=Instant(row["created_at"]),
            due_at=Instant(row["due_at"]),
            ended_at=None if row["ended_at"] is None else Instant(row["ended_at"]),
            detail=row["detail"],
            notices=tuple(parts.get(row["id"], ())),
        )
        for row in found
    )


def unsettled(engine: Engine, *, limit: int) -> tuple[int, tuple[StoredMessage, ...]]:
    """How many messages were given up with a notice that nobody acknowledged and that no later message
    brought to the target; and the newest of them.
    """
    with engine.connect() as connection:
        found = connection.execute(_UNSETTLED).scalars().all()
    return len(found), stored_messages(engine, limit=limit, ids=found[:limit]) if found else ()


def _parts(connection: Connection, ids: Sequence[int]) -> Mapping[int, list[NoticeId]]:
    query = select(notice_part).where(notice_part.c.message.in_(ids)).order_by(notice_part.c.notice)
    found: dict[int, list[NoticeId]] = {}
    for row in connection.execute(query):
        found.setdefault(row.message, []).append(NoticeId(row.notice))
    return found


def _attempts(connection: Connection, ids: Sequence[int]) -> Mapping[int, list[Attempt]]:
    each = notice_attempt.c
    query = select(notice_attempt).where(each.message.in_(ids)).order_by(each.message, each.ordinal)
    found: dict[int, list[Attempt]] = {}
    for row in connection.execute(query).mappings():
        found.setdefault(row["message"], []).append(
            Attempt(
                ordinal=row["ordinal"],
                target_version=row["target_version"],
                started_at=Instant(row["started_at"]),
                ended_at=Instant(row["ended_at"]),
                outcome=Outcome(row["outcome"]),
                status=row["status"],
                detail=row["detail"],
                next_at=None if row["next_at"] is None else Instant(row["next_at"]),
            )
        )
    return found


def counts(engine: Engine) -> NoticeCounts:
    by_state = select(message.state, func.count()).group_by(message.state)
    oldest = select(func.min(message.due_at)).where(message.state.in_(_OPEN))
    failed = select(func.count(), func.min(message.created_at)).where(
        message.state == MessageState.WAITING.value, message.attempts > 0, ~_IS_OWN
    )
    with engine.connect() as connection:
        failing, since = connection.execute(failed).one()
        unrouted = connection.execute(select(func.count()).select_from(notice_outbox)).scalar_one()
        states = tuple((MessageState(state), count) for state, count in connection.execute(by_state))
        due_at = connection.execute(oldest).scalar_one_or_none()
    return NoticeCounts(
        unrouted,
        states,
        None if due_at is None else Instant(due_at),
        failing,
        None if since is None else Instant(since),
    )
