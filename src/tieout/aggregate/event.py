"""An accepted event as a meter reads it: its place in the log, its time and subject, its fields as texts.

`aggregate` does not know how events arrive; whoever holds stored events turns them into this record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tieout.kernel.ids import EventType, Position, SourceName, Subject
from tieout.kernel.instant import Instant


@dataclass(frozen=True, slots=True)
class MeterEvent:
    """One event. `fields` holds only present fields: canonical text without the type tag.

    Numbers are plain canonical decimals ("1.5"), booleans "true" or "false", timestamps UTC microseconds.
    `lane_a` and `lane_b` are the two 64-bit lanes of the content digest, as the log stored them.
    """

    position: Position
    source: SourceName
    id: str
    type: EventType
    subject: Subject
    time: Instant
    lane_a: int
    lane_b: int
    fields: Mapping[str, str]
