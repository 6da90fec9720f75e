"""What one attempt to deliver came to, and what follows from it: delivered, again later, or given up.

Pauses grow fourfold from five seconds to six hours, plus up to a quarter by chance, so that a receiver that
comes back is not met by everybody at once. Twelve attempts take about two days.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tieout.kernel.instant import SECOND_MICROSECONDS, Instant

FIRST_PAUSE_SECONDS: Final = 5
PAUSE_SECONDS_MAX: Final = 6 * 3_600
RETRY_AFTER_SECONDS_MAX: Final = 24 * 3_600
"""A receiver may ask for more patience than ours, within a day."""
JITTER_BYTES: Final = 2
DETAIL_LENGTH_MAX: Final = 200


class Outcome(StrEnum):
    """`failed` may succeed later; `refused` will not: the receiver says that it is gone for good."""

    DELIVERED = "delivered"
    FAILED = "failed"
    REFUSED = "refused"


class MessageState(StrEnum):
    """`gathering`: more notices may join; `given-up` needs a person, who may resend."""

    GATHERING = "gathering"
    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given-up"


@dataclass(frozen=True, slots=True)
class Sent:
    """What a gateway says of one attempt. `status` is the receiver's code; `detail` is in our own words, not
    in the receiver's.
    """

    outcome: Outcome
    status: int | None
    detail: str
    retry_after_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """As it is recorded. `next_at` None: none follows."""

    ordinal: int
    target_version: int
    started_at: Instant
    ended_at: Instant
    outcome: Outcome
    status: int | None
    detail: str
    next_at: Instant | None


def next_attempt_at(
    sent: Sent, *, attempts: int, attempts_max: int, now: Instant, chance: bytes
) -> Instant | None:
    """When to try again after `attempts` attempts, of which this was the last; None: delivered or given up.

    `chance`: `JITTER_BYTES` unpredictable bytes.
    """
    assert attempts >= 1 and len(chance) == JITTER_BYTES
    if sent.outcome is not Outcome.FAILED or attempts >= attempts_max:
        return None
    pause = min(FIRST_PAUSE_SECONDS * 4 ** min(attempts - 1, 10), PAUSE_SECONDS_MAX) * SECOND_MICROSECONDS
    pause += pause * int.from_bytes(chance, "big") // (4 * 65_536)
    asked = min(sent.retry_after_seconds or 0, RETRY_AFTER_SECONDS_MAX) * SECOND_MICROSECONDS
    return Instant(now + max(pause, asked))
