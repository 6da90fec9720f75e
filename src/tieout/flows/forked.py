"""Work in several processes at once, since Python computes in one thread at a time.

A worker is a fork: it has all that this process has read, computes its share, and leaves without finalizers.
It touches no file, connection or lock that it inherits. Answers come back through a pipe, which holds few of
them, so that memory stays bounded.
"""

from __future__ import annotations

import fcntl
import gc
import os
import signal
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

PIPE_BYTES: Final = 1 << 20
LENGTH_BYTES: Final = 8


def answers_in_order(
    parts: int, compute: Callable[[int], bytes], *, workers: int
) -> Generator[bytes, None, None]:
    """What `compute` gives for each part, in their order, whatever the number of workers.

    Parts of a worker that fails or is killed are computed here, so an exception is raised here too.
    """
    hands: list[_Hand] = []
    try:
        for first in range(min(workers, parts)):
            hands.append(_started(range(first, parts, workers), compute, hands))
        for part in range(parts):
            answer = hands[part % workers].take()
            yield compute(part) if answer is None else answer
    finally:
        for hand in hands:
            hand.end()


@dataclass(slots=True)
class _Hand:
    """A worker as this process sees it: its id and the pipe that it writes to; None once it is lost."""

    process: int
    pipe: int | None

    def take(self) -> bytes | None:
        """The next answer. None where there is none to come."""
        if self.pipe is None:
            return None
        length = self._read(LENGTH_BYTES)
        answer = None if length is None else self._read(int.from_bytes(length, "little"))
        if answer is None:
            self.end()
        return answer

    def _read(self, count: int) -> bytes | None:
        assert self.pipe is not None, "who is lost is not read from"
        found = bytearray()
        while len(found) < count:
            read = os.read(self.pipe, min(count - len(found), PIPE_BYTES))
            if not read:
                return None
            found += read
        return bytes(found)

    def end(self) -> None:
        """What it still computes nobody waits for."""
        if self.pipe is None:
            return
        os.close(self.pipe)
        self.pipe = None
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)


def _started(parts: Sequence[int], compute: Callable[[int], bytes], others: Sequence[_Hand]) -> _Hand:
    reading, writing = os.pipe()
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with suppress(OSError):  # the user has many large pipes: this one is small, and slower
            fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    try:
        process = os.fork()
    except OSError:  # no memory or process is to be had: its parts are computed here
        os.close(reading)
        os.close(writing)
        return _Hand(0, None)
    if process:
        os.close(writing)
        return _Hand(process, reading)
    try:
        gc.disable()  # what is inherited would be searched, and so copied
        os.close(reading)
        for other in others:
            if other.pipe is not None:
                os.close(other.pipe)
        for part in parts:
            _write(writing, compute(part))
    finally:
        os._exit(0)  # an answer that lacks is what tells of a failure


def _write(pipe: int, answer: bytes) -> None:
    left = memoryview(len(answer).to_bytes(LENGTH_BYTES, "little") + answer)
    while left:
        left = left[os.write(pipe, left) :]
