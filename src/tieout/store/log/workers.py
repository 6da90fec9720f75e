"""Decoding and preparing in other processes, since Python computes in one thread at a time.

A worker is given the contracts and the identity secret once, then blocks of lines; it answers with what is
ready to append. Few blocks are under way at once, so that memory stays bounded whatever the size of the file.
"""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import threading
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.shared_memory import SharedMemory
from types import TracebackType
from typing import Protocol

import pyarrow as pa

from tieout.contract.event_contract import ContractBook
from tieout.ingest.block import decode_lines, lines_of
from tieout.kernel.errors import Unavailable
from tieout.kernel.instant import Instant
from tieout.ports import Stretch
from tieout.store.log.mailbox import Letter, Mailbox, Reply
from tieout.store.log.prepare import Prepared, prepare

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h of glibc
MMAP_BYTES_MIN, TRIM_BYTES_MIN = 32 << 20, 1 << 30  # the first is the most that glibc takes


class WorkersLost(Unavailable):
    """A decoding process was killed, most likely for want of memory."""

    code = "workers-lost"

    def __init__(self) -> None:
        super().__init__(
            "A process that decodes was killed. What was acknowledged is in the log; ingest the file again, "
            "nothing will double."
        )


@dataclass(frozen=True, slots=True)
class Judgement:
    """All that decoding depends on besides the lines: contracts, secret, and the sender's default source."""

    book: ContractBook
    secret: bytes
    default_source: str | None


class Preparing(Protocol):
    """Blocks in, prepared blocks out, in the same order."""

    def submit(self, content: bytes | Stretch, received_at: Instant) -> None: ...

    def take(self, *, wait_for_all: bool) -> Prepared | None:
        """The oldest block, or None if none is under way, or none has to be waited for yet."""
        ...


class Here:
    """Prepares in this process; enough for small files."""

    def __init__(self, judgement: Judgement) -> None:
        self._judgement = judgement
        self._ready: deque[Prepared] = deque()

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *_: object) -> None:
        self._ready.clear()

    def submit(self, content: bytes | Stretch, received_at: Instant) -> None:
        own = content if isinstance(content, bytes) else content.read()
        self._ready.append(prepared_lines(own, self._judgement, received_at))

    def take(self, *, wait_for_all: bool) -> Prepared | None:  # noqa: ARG002 - nothing is ever under way here
        return self._ready.popleft() if self._ready else None


class Elsewhere:
    """Prepares in `count` other processes."""

    def __init__(self, judgement: Judgement, count: int) -> None:
        keep_memory()
        self._under_way: deque[tuple[Future[Reply], Letter]] = deque()
        self._under_way_max = 2 * count + 1  # so that workers have work while a commit waits for the disk
        self._mailbox = Mailbox(self._under_way_max + 1)
        self._pool = ProcessPoolExecutor(
            count, multiprocessing.get_context(_start_method()), initializer=_start, initargs=(judgement,)
        )

    def __enter__(self) -> Elsewhere:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._mailbox.discard()

    def submit(self, content: bytes | Stretch, received_at: Instant) -> None:
        letter = self._mailbox.post(content)
        try:
            self._under_way.append((self._pool.submit(_work, letter, received_at), letter))
        except BrokenProcessPool:
            raise WorkersLost from None

    def take(self, *, wait_for_all: bool) -> Prepared | None:
        if not self._under_way:
            return None
        oldest, letter = self._under_way[0]
        if not (wait_for_all or len(self._under_way) > self._under_way_max or oldest.done()):
            return None
        self._under_way.popleft()
        try:
            reply = oldest.result()
        except BrokenProcessPool:
            raise WorkersLost from None
        prepared = self._mailbox.opened(reply, letter)
        assert isinstance(prepared, Prepared), "a worker answers with what it was asked for"
        return prepared


def _start_method() -> str:
    """A fork is there at once, but only safe while no other thread may hold a lock; else a fresh process is
    made.

    A forked worker never touches what it inherits: it computes, answers, and leaves without finalizers.
    """
    return "fork" if threading.active_count() == 1 else "forkserver"


def prepared_lines(content: bytes, judgement: Judgement, received_at: Instant) -> Prepared:
    lines = lines_of(content)
    block = decode_lines(
        lines, judgement.book, received_at=received_at, default_source=judgement.default_source
    )
    return prepare(block, judgement.secret, physical_lines=lines.physical)


_worker: list[Judgement] = []
"""What this process was started with, if it is a worker."""
_slots: dict[str, SharedMemory] = {}


def _start(judgement: Judgement) -> None:
    pa.set_cpu_count(1)
    gc.disable()  # a worker makes no cycles, and looking for them costs it a fifth of its time
    keep_memory()
    pa.set_memory_pool(pa.system_memory_pool())  # the one that goes by what glibc is told
    _worker.append(judgement)


def keep_memory() -> None:
    """Tells glibc to keep what is freed: every block needs as much again, and new pages from the kernel take
    up to a fifth of the time.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, MMAP_BYTES_MIN)
        mallopt(M_TRIM_THRESHOLD, TRIM_BYTES_MIN)


def _work(letter: Letter, received_at: Instant) -> Reply:
    return letter.reply(prepared_lines(letter.read(_slots), _worker[0], received_at), _slots)
