"""Blocks on their way to workers, and what is made of them on the way back, in memory that both sides see: a
pipe would copy every byte five times.
"""

from __future__ import annotations

import pickle
import shutil
from dataclasses import dataclass
from itertools import accumulate
from multiprocessing.shared_memory import SharedMemory

from tieout.ports import Stretch

SLOT_BYTES = 12 * 1_048_576
"""A block and half of another fit; what is larger is sent whole."""
ALIGNED_BYTES = 64
SHARED_FOLDER = "/dev/shm"  # noqa: S108 - where Linux keeps shared memory; only its free space is asked for


@dataclass(frozen=True, slots=True)
class Letter:
    """A block for a worker: `length` bytes in the named slot, or `content`. The slot is for the reply too."""

    slot: str | None
    length: int
    content: bytes | Stretch | None

    def read(self, slots: dict[str, SharedMemory]) -> bytes:
        """The block; `slots` remembers those already mapped."""
        if self.slot is not None and self.slot not in slots:
            slots[self.slot] = SharedMemory(self.slot)
        if isinstance(self.content, bytes):
            return self.content
        if self.content is not None:
            return self.content.read()
        assert self.slot is not None, "a letter without content has a slot"
        return bytes(slots[self.slot].buf[: self.length])

    def reply(self, answer: object, slots: dict[str, SharedMemory]) -> Reply:
        """The answer to this letter, once read: its arrays go where the block lay, if they fit."""
        buffers: list[pickle.PickleBuffer] = []
        head = pickle.dumps(answer, protocol=5, buffer_callback=buffers.append)
        arrays = [buffer.raw() for buffer in buffers]
        starts = [0, *accumulate(-(-array.nbytes // ALIGNED_BYTES) * ALIGNED_BYTES for array in arrays)]
        length = starts.pop()
        has_room = self.slot is not None and length <= SLOT_BYTES
        target = slots[self.slot].buf if self.slot is not None and has_room else memoryview(bytearray(length))
        places = []
        for start, array in zip(starts, arrays, strict=True):
            places.append((start, start + array.nbytes))
            target[start : start + array.nbytes] = array
        return Reply(head, tuple(places), length, None if has_room else bytes(target))


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as a pickle, and its arrays by their places in the slot of its letter, or in `content`."""

    head: bytes
    places: tuple[tuple[int, int], ...]
    length: int
    content: bytes | None


class Mailbox:
    """As many slots as blocks may be under way; a slot is written again only after its answer has come.

    Where shared memory is scarce, as in many containers, there are none, and blocks are sent whole.
    """

    def __init__(self, slots: int) -> None:
        made = slots if _has_room(slots * SLOT_BYTES) else 0
        self._free = [SharedMemory(create=True, size=SLOT_BYTES) for _ in range(made)]
        self._all = tuple(self._free)

    def post(self, content: bytes | Stretch) -> Letter:
        if not isinstance(content, bytes):
            return Letter(self._free.pop().name if self._free else None, 0, content)
        if len(content) > SLOT_BYTES or not self._free:
            return Letter(None, len(content), content)
        slot = self._free.pop()
        slot.buf[: len(content)] = content
        return Letter(slot.name, len(content), None)

    def opened(self, reply: Reply, letter: Letter) -> object:
        """The answer to a letter, whose slot is free again."""
        content = reply.content
        for slot in self._all:
            if slot.name == letter.slot:
                self._free.append(slot)
                content = bytes(slot.buf[: reply.length]) if content is None else content
        assert content is not None, "what is not in a slot comes along"
        whole = memoryview(content)
        return pickle.loads(reply.head, buffers=[whole[start:stop] for start, stop in reply.places])  # noqa: S301 - our own worker's

    def discard(self) -> None:
        for slot in self._all:
            slot.close()
            slot.unlink()


def _has_room(wanted_bytes: int) -> bool:
    """Writing to shared memory beyond its limit would kill the process, so twice as much must be free."""
    try:
        return shutil.disk_usage(SHARED_FOLDER).free >= 2 * wanted_bytes
    except OSError:
        return False
