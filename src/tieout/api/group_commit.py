"""Group commit in one server process: what waits is gathered, prepared, and committed as one batch.

Two threads: while one commits a group, the other prepares the next, once enough waits to be worth it; what is
less waits for the commit to end, and a moment longer for those who were just answered to send again, since
every group costs some milliseconds however small it is. Answers go back to the event loop once for a group. A
failing disk, and whatever was not foreseen, fails all that waits and ends the process (`is_broken`).
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from tieout.api.limits import (
    GROUP_BYTES_MAX,
    GROUP_ITEMS_MAX,
    GROUP_REQUESTS_MAX,
    LINGER_PERCENT,
    LINGER_SECONDS,
    OVERLAP_BYTES_MIN,
)
from tieout.kernel.errors import Unavailable
from tieout.ports import Answer, PreparedGroup, ReceivedRequest, StoreBroken
from tieout.wiring import StoreUnusable, storage_failure

SWITCH_SECONDS = 0.001
"""How long one thread may keep the interpreter from the others: the loop answers while a group is made."""


class Committer(Protocol):
    """What makes and commits the groups: `flows.receive_events.Reception`."""

    def prepare(self, requests: Sequence[ReceivedRequest]) -> PreparedGroup: ...

    def commit(self, group: PreparedGroup) -> list[Answer]: ...


Outcome = Answer | Unavailable


@dataclass(frozen=True, slots=True)
class _Waiting:
    request: ReceivedRequest
    answered: asyncio.Future[Outcome]


class GroupCommit:
    """Between the event loop, which submits and is answered, and the two threads."""

    def __init__(self, committer: Committer, *, on_broken: Callable[[], None]) -> None:
        self._committer = committer
        self._on_broken = on_broken
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Waiting] = deque()
        self._condition = threading.Condition()
        self._wanted_bytes: int | None = None  # what the preparing thread waits for
        self._submitted_bytes = self._gathered_bytes = 0  # written by the loop; by the preparing thread
        self._is_committing = False
        self._expected_bytes = 1  # what may come back from those who were just answered, and what waits
        self._linger_until = 0.0
        self._is_closing = False
        self._prepared: deque[tuple[list[_Waiting], PreparedGroup] | None] = deque()
        self._filled = threading.Semaphore(0)
        self._free = threading.Semaphore(1)
        self.is_broken = False
        self.failure = StoreBroken("the server is ending")
        sys.setswitchinterval(SWITCH_SECONDS)
        self._threads = [
            threading.Thread(target=self._guarded, args=(work,), name=name, daemon=True)
            for name, work in (("prepare", self._prepare_groups), ("commit", self._commit_groups))
        ]
        for thread in self._threads:
            thread.start()

    async def submit(self, request: ReceivedRequest) -> Outcome:
        """Waits until the request's items are durable, or known not to be acknowledged."""
        if self._is_closing or self.is_broken:
            return self.failure if self.is_broken else _Ending()
        answered: asyncio.Future[Outcome] = self._loop.create_future()
        self._waiting.append(_Waiting(request, answered))
        self._submitted_bytes += len(request.parcel.content)
        wanted = self._wanted_bytes
        if wanted is not None and self._submitted_bytes - self._gathered_bytes >= wanted:
            with self._condition:
                self._condition.notify()
        return await answered

    def close(self) -> None:
        """Commits what waits, then ends the threads. Blocks."""
        with self._condition:
            self._is_closing = True
            self._condition.notify()
        for thread in self._threads:
            thread.join()

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException:  # noqa: BLE001 - whatever a thread dies of ends the process, visibly
            traceback.print_exc()
            self._break(StoreBroken("an error of the server"), [])

    def _prepare_groups(self) -> None:
        while True:
            self._free.acquire()
            group = self._gathered()
            if not group:
                self._hand_over(None)
                return
            try:
                prepared = self._committer.prepare([waiting.request for waiting in group])
            except StoreBroken as error:
                self._break(error, group)
                self._hand_over(None)
                return
            except Unavailable as error:
                self._answer(group, [error] * len(group))
                self._free.release()
                continue
            except BaseException as error:
                refusal = storage_failure(error) if isinstance(error, Exception) else None
                if isinstance(refusal, StoreUnusable):  # the books were out of reach, and nothing has begun
                    self._answer(group, [refusal] * len(group))
                    self._free.release()
                    continue
                self._break(StoreBroken(str(refusal or "an error of the server")), group)
                self._hand_over(None)
                if refusal is None:
                    raise
                return
            self._hand_over((group, prepared))

    def _hand_over(self, group: tuple[list[_Waiting], PreparedGroup] | None) -> None:
        self._prepared.append(group)
        self._filled.release()
        if self.is_broken:  # the other thread may have drained just before
            self._fail([])

    def _gathered(self) -> list[_Waiting]:
        """What waits, up to the limits of a group; waits for the first. Empty at the end."""
        with self._condition:
            while not self._is_closing and not self.is_broken:
                patience = self._linger_until - time.monotonic()
                if self._is_committing:
                    self._wanted_bytes = OVERLAP_BYTES_MIN
                else:
                    self._wanted_bytes = self._expected_bytes if patience > 0 else 1
                if self._submitted_bytes - self._gathered_bytes >= self._wanted_bytes:
                    break
                self._condition.wait(patience if patience > 0 else None)
            self._wanted_bytes = None
        group: list[_Waiting] = []
        items = octets = 0
        while self._waiting and len(group) < GROUP_REQUESTS_MAX and not self.is_broken:
            parcel = self._waiting[0].request.parcel
            items += parcel.lines_max
            octets += len(parcel.content)
            if group and (items > GROUP_ITEMS_MAX or octets > GROUP_BYTES_MAX):
                break
            group.append(self._waiting.popleft())
            self._gathered_bytes += len(parcel.content)
        return group

    def _commit_groups(self) -> None:
        while True:
            self._filled.acquire()
            entry = self._prepared.popleft()
            if entry is None:
                self._free.release()
                return
            self._is_committing = True
            self._free.release()
            group, prepared = entry
            try:
                answers: Sequence[Outcome] = self._committer.commit(prepared)
            except StoreBroken as error:
                self._break(error, group)
                return
            except Unavailable as error:
                answers = [error] * len(group)
            except BaseException:
                self._break(StoreBroken("an error of the server"), group)
                raise
            self._answer(group, answers)
            answered = sum(len(waiting.request.parcel.content) for waiting in group)
            with self._condition:
                self._is_committing = False
                under_way = answered + self._submitted_bytes - self._gathered_bytes
                self._expected_bytes = min(OVERLAP_BYTES_MIN, 1 + under_way * LINGER_PERCENT // 100)
                self._linger_until = time.monotonic() + LINGER_SECONDS
                self._condition.notify()

    def _break(self, error: StoreBroken, group: list[_Waiting]) -> None:
        """Fails the group and all that waits; nobody is acknowledged any more."""
        self.failure = error
        self.is_broken = True
        self._fail(group)
        with self._condition:
            self._condition.notify()
        self._free.release()
        self._loop.call_soon_threadsafe(self._leave)

    def _fail(self, group: list[_Waiting]) -> None:
        failed = list(group)
        while self._waiting:
            failed.append(self._waiting.popleft())
        while self._prepared and self._prepared[0] is not None:
            failed += self._prepared.popleft()[0]  # type: ignore[index] # looked at just now
        self._answer(failed, [self.failure] * len(failed))

    def _leave(self) -> None:
        self._fail([])  # what was submitted while the threads stopped
        self._on_broken()

    def _answer(self, group: list[_Waiting], outcomes: Sequence[Outcome]) -> None:
        self._loop.call_soon_threadsafe(_resolve, group, outcomes)


class _Ending(Unavailable):
    """The server takes in nothing more."""

    code = "ending"

    def __init__(self) -> None:
        super().__init__("the server is ending; send the same request again, nothing will double")


def _resolve(group: list[_Waiting], outcomes: Sequence[Outcome]) -> None:
    for waiting, outcome in zip(group, outcomes, strict=True):
        if not waiting.answered.done():
            waiting.answered.set_result(outcome)
