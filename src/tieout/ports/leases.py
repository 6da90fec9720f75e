"""What one process at a time may do."""

from __future__ import annotations

from typing import Protocol


class Lease(Protocol):
    """Held by this process until it lets go or ends, unless it is lost before."""

    def is_held(self) -> bool:
        """Whether it is still ours; False for ever once it was lost, and somebody else may have it."""
        ...
