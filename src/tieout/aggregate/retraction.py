"""What a retraction means (L4): from its position on the log counts as if its target had never come.

It names an identity, not a position: it holds whether it arrives before its target or after it, several of
one identity hold from the first on, and a resend of the target changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tieout.aggregate.event import MeterEvent
from tieout.kernel.ids import Position, SourceName, Watermark

Identity = tuple[SourceName, str]
"""(source, id), compared character by character."""


@dataclass(frozen=True, slots=True)
class Retraction:
    """An accepted retraction: its own place in the log, and the identity that it takes back."""

    position: Position
    source: SourceName
    target_id: str


def retracted_as_of(retractions: Iterable[Retraction], watermark: Watermark) -> Mapping[Identity, Position]:
    """The identities that do not count as of the end of batch `watermark`, each with the first retraction
    that names it.
    """
    first: dict[Identity, Position] = {}
    for retraction in retractions:
        if retraction.position.batch <= watermark:
            identity = (retraction.source, retraction.target_id)
            first[identity] = min(first.get(identity, retraction.position), retraction.position)
    return first


def is_retracted(event: MeterEvent, retracted: Mapping[Identity, Position]) -> bool:
    return (event.source, event.id) in retracted
