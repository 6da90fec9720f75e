"""The outbox: what is to be told, recorded with what justifies it, and how its delivery goes.

A store that records what justifies a notice calls `store.books.notices.add_notices` inside its own
transaction; a flow that has nothing else to record calls `NoticeStore.record`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from tieout.contract.notice_target import NoticeTarget, Severity
from tieout.kernel.errors import ConflictError
from tieout.kernel.ids import CustomerId, NoticeId, NoticeTargetKey
from tieout.kernel.instant import Instant
from tieout.notice.attempt import Attempt, MessageState
from tieout.notice.message import Letter
from tieout.notice.notice import Notice
from tieout.notice.routing import Routing

ID_BEGINNING_MIN = 15
"""Characters, of which the first seven are `notice_`."""


class NoticeChanged(ConflictError):
    """A notice of this id was recorded and says something else; nothing was recorded."""

    code = "notice-changed"

    def __init__(self, id: NoticeId) -> None:
        super().__init__(f"Notice {id} was recorded before and said something else; nothing was recorded.")


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Who has seen it, and what they said. `api_key` and `idempotency_key`: by which request, if by one."""

    notice: NoticeId
    person: str
    reason: str
    at: Instant
    api_key: str | None = None
    idempotency_key: str | None = None
    request_sha256: bytes | None = None


@dataclass(frozen=True, slots=True)
class RecordedNotice:
    """A notice in the books, with its acknowledgement where somebody made one."""

    notice: Notice
    recorded_at: Instant
    acknowledgement: Acknowledgement | None


@dataclass(frozen=True, slots=True)
class NoticeFilter:
    """Which notices a page shows; None: whatever it is."""

    customer: CustomerId | None = None
    kind: str | None = None
    severity: Severity | None = None
    acknowledged: bool | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A message that this process alone may send until the claim runs out, with its notices."""

    message: int
    claim: str
    target: NoticeTargetKey
    attempts: int
    passes: bool
    letter: Letter


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """How the delivery of some notices to one target stands. `wire_id` None: more may join."""

    id: int
    wire_id: str | None
    target: NoticeTargetKey
    occasion: str
    state: MessageState
    attempts: tuple[Attempt, ...]
    created_at: Instant
    due_at: Instant
    ended_at: Instant | None
    detail: str
    notices: tuple[NoticeId, ...]


@dataclass(frozen=True, slots=True)
class DueEscalation:
    """Nobody acknowledged a notice in time."""

    recorded: RecordedNotice
    target: NoticeTargetKey
    step: int
    to: NoticeTargetKey


@dataclass(frozen=True, slots=True)
class NoticeCounts:
    """`unrouted` notices without messages yet; messages by state; when the oldest waiting was due; how many
    wait after attempts that failed, and since when the first of those was made.
    """

    unrouted: int
    messages: tuple[tuple[MessageState, int], ...]
    oldest_due_at: Instant | None
    failing: int
    failing_since: Instant | None

    def of(self, state: MessageState) -> int:
        return dict(self.messages).get(state, 0)


class NoticeStore(Protocol):
    """Notices, their messages, the attempts to send them, and acknowledgements."""

    def record(self, notices: Sequence[Notice], *, at: Instant) -> int:
        """Adds those whose ids are not there yet, with a place in the outbox for each; how many that were.
        Raises `NoticeChanged`.
        """
        ...

    def find(self, id: str) -> RecordedNotice | None:
        """By its id, or a beginning of it of `ID_BEGINNING_MIN` characters or more that no other has."""
        ...

    def page(self, wanted: NoticeFilter, *, after: NoticeId | None, limit: int) -> tuple[RecordedNotice, ...]:
        """The newest first, those before `after`."""
        ...

    def acknowledge(self, given: Acknowledgement) -> Acknowledgement:
        """Records it unless there is one; the one that stands. Raises nothing but storage failures."""
        ...

    def acknowledged_by_request(self, *, api_key: str, idempotency_key: str) -> Acknowledgement | None: ...

    def unrouted(self, limit: int) -> tuple[RecordedNotice, ...]:
        """What lies in the outbox, the oldest first."""
        ...

    def route(self, routings: Sequence[Routing], *, at: Instant) -> None:
        """Messages, escalations, and the end of the outbox's rows, in one transaction. A notice that somebody
        else has routed meanwhile is left out.
        """
        ...

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
        """Takes due messages, those of targets in `leaving_out` not; what gathered is closed by it. `own`: to
        targets that customers have named, else to those of the catalog."""
        ...

    def finish(
        self,
        claim: Claim,
        attempt: Attempt,
        *,
        state: MessageState,
        due_at: Instant,
    ) -> None:
        """Adds the attempt and what became of the message. One that was delivered stays so."""
        ...

    def postpone(self, claim: Claim, *, due_at: Instant) -> None:
        """Gives a claimed message back without an attempt."""
        ...

    def due_escalations(self, *, now: Instant, limit: int) -> tuple[DueEscalation, ...]: ...

    def escalate(self, due: DueEscalation, routing: Routing | None, *, at: Instant) -> None:
        """Sends on, unless it was acknowledged meanwhile; the escalation's row goes in any case."""
        ...

    def resend(self, id: NoticeId, target: NoticeTarget, *, at: Instant) -> None:
        """One more message of its own to that target, due at once."""
        ...

    def messages(
        self, *, notice: NoticeId | None, target: str | None, limit: int
    ) -> tuple[StoredMessage, ...]:
        """The newest first."""
        ...

    def counts(self) -> NoticeCounts: ...

    def unsettled(self, *, limit: int) -> tuple[int, tuple[StoredMessage, ...]]:
        """How many messages were given up with a notice that nobody acknowledged and that no later message
        brought to the target; and the newest of them.
        """
        ...
