"""Lineage is a predicate, not a list: which events stand behind a snapshot, as cheap for ten million as for
ten.

Evaluating it over the log lists the events; the snapshot's count and fingerprint say whether they are the
same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from tieout.aggregate.window import ClippedSpan, UsageRequest
from tieout.contract.meter import Aggregation
from tieout.ingest.event import Event
from tieout.kernel.canonical import JsonNumber, JsonValue, canonical_json
from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.ids import EventType, Subject
from tieout.kernel.instant import INSTANT_MIN, Instant
from tieout.kernel.period import Period

LINEAGE_FORMAT = "tieout/lineage/2"
WITH_OPENING = "tieout/lineage/3"
"""Written for a time-weighted meter: with the events that state the levels at the start of the spans."""
OPENING = "the last counted event of each subject before the start of each span"
WITHOUT_RETRACTED = "retracted as of the watermark"
BEFORE_RETRACTIONS = "tieout/lineage/1"
"""Written when the log knew no retractions: as of such a watermark there are none."""


class MalformedLineage(IntegrityViolation):
    """A stored predicate that does not read back."""

    code = "malformed-lineage"

    def __init__(self, why: str) -> None:
        super().__init__(f"The stored lineage cannot be read: {why}.")


@dataclass(frozen=True, slots=True)
class Lineage:
    """Events of `event_type` inside one of `spans`, without those that were retracted as of the snapshot's
    watermark; the meter version behind the snapshot says which of them count. With `opens`, also the last
    event of each subject before the start of each of its spans, which states the level there.
    """

    event_type: EventType
    spans: tuple[ClippedSpan, ...]
    opens: bool = False

    def covers(self, event: Event) -> bool:
        """Whether the event lies in one of the spans; what only opens them does not."""
        return any(span.subject == event.subject and span.contains(event.time) for span in self.spans)

    @property
    def windows(self) -> Mapping[Subject, tuple[Period, ...]]:
        """The spans as the log is asked for them: with `opens` all that came before them as well, since only
        the meter says which event before a span was the last to count.
        """
        windows: dict[Subject, tuple[Period, ...]] = {}
        if self.opens:
            ends = {span.subject: span.end for span in sorted(self.spans, key=lambda span: span.end)}
            return {subject: (Period(INSTANT_MIN, end),) for subject, end in ends.items()}
        for span in self.spans:
            windows[span.subject] = (*windows.get(span.subject, ()), Period(span.start, span.end))
        return windows


def lineage_of(request: UsageRequest) -> Lineage:
    opens = request.meter.aggregation is Aggregation.TIME_WEIGHTED
    return Lineage(request.meter.event, request.spans, opens)


def predicate_text(lineage: Lineage) -> str:
    """Canonical JSON: `{"format":..,"spans":[[subject,start,end],..],"without":..}`, instants in UTC
    microseconds.
    """
    spans: list[JsonValue] = [
        [span.subject, JsonNumber(str(span.start)), JsonNumber(str(span.end))] for span in lineage.spans
    ]
    members: dict[str, JsonValue] = {"spans": spans, "without": WITHOUT_RETRACTED}
    if lineage.opens:
        return canonical_json({"format": WITH_OPENING, "opening": OPENING, **members})
    return canonical_json({"format": LINEAGE_FORMAT, **members})


def parse_lineage(event_type: str, text: str) -> Lineage:
    """Reads what `predicate_text` wrote. Raises `MalformedLineage`."""
    try:
        members = json.loads(text)
        opens = members["format"] == WITH_OPENING
        if members["format"] not in (WITH_OPENING, LINEAGE_FORMAT, BEFORE_RETRACTIONS):
            raise MalformedLineage(f"its format is not {LINEAGE_FORMAT}")
        if opens and members["opening"] != OPENING:
            raise MalformedLineage("it opens with something else than the last event before a span")
        if members["format"] != BEFORE_RETRACTIONS and members["without"] != WITHOUT_RETRACTED:
            raise MalformedLineage("it leaves out something else than what was retracted")
        spans = tuple(
            ClippedSpan(Subject(str(subject)), Instant(int(start)), Instant(int(end)))
            for subject, start, end in members["spans"]
        )
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise MalformedLineage(f"{type(error).__name__}: {error}") from error
    return Lineage(EventType(event_type), spans, opens)
