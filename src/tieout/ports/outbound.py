"""How messages leave, the secrets they need, and where they may go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tieout.contract.notice_target import NoticeTarget
from tieout.kernel.instant import Instant
from tieout.notice.attempt import Sent
from tieout.notice.egress import EgressRules
from tieout.notice.message import Letter


@dataclass(frozen=True, slots=True)
class HeldSecret:
    """What may be shown of a secret: never its value. `until` None: the one in use."""

    name: str
    since: Instant
    until: Instant | None


class Post(Protocol):
    """Carries one letter to one target: one attempt, within a bounded time. Never raises for what a receiver
    or the network does.
    """

    def send(self, letter: Letter, target: NoticeTarget, *, now: Instant) -> Sent: ...


class Secrets(Protocol):
    """Secrets by name; two of one name are valid while it is rotated."""

    def valid(self, name: str, *, now: Instant) -> tuple[str, ...]:
        """The newest first; none where there is none of the name."""
        ...

    def held(self) -> tuple[HeldSecret, ...]:
        """Without values, by name, the newest first."""
        ...

    def put(self, name: str, value: str, *, at: Instant, old_until: Instant) -> None:
        """In use from now on; the one before it stays valid until `old_until`."""
        ...

    def once(self, name: str, value: str, *, at: Instant) -> str:
        """Puts it unless there is one of the name; the one in use, the same for all who ask at once."""
        ...

    def remove(self, name: str) -> bool:
        """Whether there was one."""
        ...


class Egress(Protocol):
    """What this home allows beyond public addresses."""

    def rules(self) -> EgressRules: ...

    def change(self, rules: EgressRules) -> None: ...
