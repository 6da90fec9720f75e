"""Deliver what lies in the outbox: find who is told, send what is due, tell others when nobody answers.

A message is sent under a claim in the books that runs out, so any number of processes may do this, and what
one that was killed had claimed is sent again by another: at least once, under the same id. Each target has a
worker of its own, so that one which hangs makes no other wait.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Final

from tieout.contract.notice_target import NoticeTarget
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.home import Home
from tieout.flows.own_targets import own_notice_target, own_notice_targets
from tieout.kernel.errors import TieoutError
from tieout.kernel.ids import NoticeTargetKey
from tieout.kernel.instant import SECOND_MICROSECONDS, Instant
from tieout.notice.attempt import JITTER_BYTES, Attempt, MessageState, Outcome, Sent, next_attempt_at
from tieout.notice.notice import Notice, is_for_customer
from tieout.notice.routing import Routing, addressed, may_be_sent, quiet_until, route
from tieout.ports import Claim

POLL_MILLISECONDS: Final = 500
WORKERS_MAX: Final = 32
"""Targets that are spoken to at once."""
PER_TARGET_MAX: Final = 16
"""Messages of one target that one turn claims: an attempt that takes its whole time leaves the rest to later
turns."""
ATTEMPT_SECONDS: Final = 20
"""What one attempt may take, with some to spare over the limit that its gateway keeps."""
CLAIM_SECONDS: Final = 120
ROUTED_AT_ONCE_MAX: Final = 200
TOKEN_BYTES: Final = 8


@dataclass(slots=True)
class Delivered:
    """What was done since somebody last asked."""

    routed: int = 0
    escalated: int = 0
    attempts: Counter[Outcome] = field(default_factory=Counter)
    given_up: int = 0
    failures: list[TieoutError] = field(default_factory=list)

    @property
    def is_something(self) -> bool:
        return bool(self.routed or self.escalated or self.attempts or self.failures)

    def joined(self, other: Delivered) -> Delivered:
        return Delivered(
            self.routed + other.routed,
            self.escalated + other.escalated,
            self.attempts + other.attempts,
            self.given_up + other.given_up,
            self.failures + other.failures,
        )


@dataclass(slots=True)
class Deliverer:
    """One process's workers. `turn` starts what is due and does not wait for it. With `own` to targets that
    customers have named, else to those of the catalog: however many of the former hang, the latter go on."""

    home: Home
    claim_seconds: int = CLAIM_SECONDS
    own: bool = False
    _pool: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(WORKERS_MAX, thread_name_prefix="notices")
    )
    _busy: dict[str, Future[None]] = field(default_factory=dict)
    _done: Delivered = field(default_factory=Delivered)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def turn(self) -> int:
        """Routes, escalates, and hands what is due to the workers; how many messages that were. Raises what
        reading the books or the catalog raises.
        """
        for target in [key for key, future in self._busy.items() if future.done()]:
            self._busy.pop(target).result()  # raises what its worker died of
        if not self.own:
            self._route()
            self._escalate()
        if len(self._busy) >= WORKERS_MAX:
            return 0
        now = self.home.clock.now()
        until = Instant(now + self.claim_seconds * SECOND_MICROSECONDS)
        claims = self.home.books.notices.claim(
            now=now,
            until=until,
            token=self.home.entropy.token(TOKEN_BYTES).hex(),
            leaving_out=tuple(self._busy),
            per_target=PER_TARGET_MAX,
            own=self.own,
            targets_max=WORKERS_MAX - len(self._busy),
        )
        by_target: dict[NoticeTargetKey, list[Claim]] = {}
        for claim in claims:
            by_target.setdefault(claim.target, []).append(claim)
        for key, mine in by_target.items():
            self._busy[key] = self._pool.submit(self._work, mine, until)
        return len(claims)

    def finish(self) -> None:
        """Waits for all workers, each of which ends within the time of its attempts."""
        wait(self._busy.values())

    def rest(self, milliseconds: int) -> None:
        """Until a worker is free, so that its target's next messages follow at once, or the time is over."""
        if self._busy:
            wait(self._busy.values(), timeout=milliseconds / 1_000, return_when=FIRST_COMPLETED)
        else:
            time.sleep(milliseconds / 1_000)

    def taken(self) -> Delivered:
        """What was done since this was last called."""
        with self._lock:
            done, self._done = self._done, Delivered()
        return done

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _route(self) -> None:
        store = self.home.books.notices
        while waiting := store.unrouted(ROUTED_AT_ONCE_MAX):
            now = self.home.clock.now()
            targets = _in_force(self.home, now)
            routed = [route(each.notice, self._targets(each.notice, targets), now=now) for each in waiting]
            store.route(routed, at=now)
            with self._lock:
                self._done.routed += len(waiting)

    def _targets(self, notice: Notice, of_catalog: list[NoticeTarget]) -> list[NoticeTarget]:
        if not is_for_customer(notice):
            return of_catalog
        return [] if notice.customer is None else own_notice_targets(self.home, notice.customer)

    def _escalate(self) -> None:
        now = self.home.clock.now()
        for due in self.home.books.notices.due_escalations(now=now, limit=ROUTED_AT_ONCE_MAX):
            target = load_catalog(self.home).notice_targets.at(due.to, now)
            routing = None
            if target is not None and target.enabled:
                occasion = f"escalation {due.step} of {due.target}"
                sent = addressed(due.recorded.notice, target, occasion=occasion, now=now)
                routing = Routing(due.recorded.notice.id, (sent,), ())
            self.home.books.notices.escalate(due, routing, at=now)
            with self._lock:
                self._done.escalated += 1

    def _work(self, claims: Sequence[Claim], until: Instant) -> None:
        for claim in claims:
            try:
                self._attempt(claim, until, is_first=claim is claims[0])
            except TieoutError as error:
                with self._lock:
                    self._done.failures.append(error)  # its claim runs out, and it is sent again

    def _attempt(self, claim: Claim, until: Instant, *, is_first: bool) -> None:
        store, now = self.home.books.notices, self.home.clock.now()
        if not is_first and now + ATTEMPT_SECONDS * SECOND_MICROSECONDS > until:
            store.postpone(claim, due_at=now)
            return
        target = (
            own_notice_target(self.home, claim.target) if self.own else _of_catalog(self.home, claim, now)
        )
        carried = target is not None and all(may_be_sent(target, each) for each in claim.letter.notices)
        if target is None or not target.enabled or not carried:
            gone = Sent(Outcome.REFUSED, None, "the target is not in force, or not enabled, or not for this")
            self._record(claim, 0 if target is None else target.version, gone, now, None)
            return
        quiet_end = None if claim.passes else quiet_until(target.quiet, now)
        if quiet_end is not None:
            store.postpone(claim, due_at=quiet_end)
            return
        sent = self.home.post.send(claim.letter, target, now=now)
        self._record(claim, target.version, sent, now, self._next(claim, target, sent))

    def _next(self, claim: Claim, target: NoticeTarget, sent: Sent) -> Instant | None:
        again = next_attempt_at(
            sent,
            attempts=claim.attempts + 1,
            attempts_max=target.attempts_max,
            now=self.home.clock.now(),
            chance=self.home.entropy.token(JITTER_BYTES),
        )
        if again is None or claim.passes:
            return again
        return quiet_until(target.quiet, again) or again

    def _record(self, claim: Claim, version: int, sent: Sent, start: Instant, again: Instant | None) -> None:
        end = self.home.clock.now()
        state = MessageState.WAITING if again is not None else MessageState.GIVEN_UP
        if sent.outcome is Outcome.DELIVERED:
            state = MessageState.DELIVERED
        attempt = Attempt(
            ordinal=claim.attempts + 1,
            target_version=version,
            started_at=start,
            ended_at=end,
            outcome=sent.outcome,
            status=sent.status,
            detail=sent.detail,
            next_at=again,
        )
        self.home.books.notices.finish(claim, attempt, state=state, due_at=again or end)
        with self._lock:
            self._done.attempts[sent.outcome] += 1
            self._done.given_up += state is MessageState.GIVEN_UP


def deliver_due(home: Home) -> Delivered:
    """Everything that is due now, once; what is due later stays. Raises what books and catalog raise."""
    both = Deliverer(home), Deliverer(home, own=True)
    try:
        while sum(each.turn() for each in both):
            for each in both:
                each.finish()
    finally:
        for each in both:
            each.close()
    first, second = (each.taken() for each in both)
    return first.joined(second)


def keep_delivering(home: Home, *, stop: Callable[[], bool], told: Callable[[Delivered], None]) -> None:
    """Delivers until `stop` says so; `told` hears of every turn that did something. A failure is told, and
    the next turn tries again. Attempts that are under way at the end are waited for.
    """
    both = Deliverer(home), Deliverer(home, own=True)
    try:
        while not stop():
            for each in both:
                try:
                    each.turn()
                except TieoutError as error:
                    told(Delivered(failures=[error]))
                if (done := each.taken()).is_something:
                    told(done)
            both[0].rest(POLL_MILLISECONDS)
    finally:
        for each in both:
            each.close()
            if (done := each.taken()).is_something:
                told(done)


def _of_catalog(home: Home, claim: Claim, now: Instant) -> NoticeTarget | None:
    return load_catalog(home).notice_targets.at(claim.target, now)


def _in_force(home: Home, now: Instant) -> list[NoticeTarget]:
    targets = load_catalog(home).notice_targets
    found = (targets.at(key, now) for key in targets.keys)
    return [target for target in found if target is not None]
