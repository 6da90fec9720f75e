"""The room for requests that wait: so many, and so many bytes of bodies. What finds none is told to come
again.
"""

from __future__ import annotations

from types import TracebackType

from tieout.api.answers import busy
from tieout.api.limits import WAITING_BYTES_MAX, WAITING_REQUESTS_MAX


class Room:
    """What is taken of it by requests under way, in one process."""

    def __init__(
        self, *, requests_max: int = WAITING_REQUESTS_MAX, bytes_max: int = WAITING_BYTES_MAX
    ) -> None:
        self._requests_max = requests_max
        self._bytes_max = bytes_max
        self.requests = 0
        self.bytes = 0

    def place(self) -> Place:
        """A place for one request, to be held while it is under way. Raises `Problem` 429."""
        if self.requests >= self._requests_max:
            raise busy("too-many-requests", f"{self.requests} requests wait already; send it again later.")
        return Place(self)

    def grow(self, more: int) -> None:
        if self.bytes + more > self._bytes_max:
            raise busy("too-many-bytes", f"{self.bytes} bytes wait already; send it again later.")
        self.bytes += more


class Place:
    """One request's share of the room; given back at the end, whatever happens."""

    __slots__ = ("_held", "_room")

    def __init__(self, room: Room) -> None:
        self._room = room
        self._held = 0

    def __enter__(self) -> Place:
        self._room.requests += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._room.requests -= 1
        self._room.bytes -= self._held

    def hold(self, total: int) -> None:
        """Holds `total` bytes from now on, if it held fewer. Raises `Problem` 429."""
        if total > self._held:
            self._room.grow(total - self._held)
            self._held = total
