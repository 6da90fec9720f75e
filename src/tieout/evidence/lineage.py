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
from tieout.kernel.canonical import JsonNumber, JsonValue, canonical_json
from tieout.kernel.errors import IntegrityViolation
from tieout.kernel.ids import EventType, Subject
from tieout.kernel.instant import Instant
from tieout.kernel.period import Period

LINEAGE_FORMAT = "tieout/lineage/2"
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
    watermark; the meter version behind the snapshot says which of them count.
    """

    event_type: EventType
    spans: tuple[ClippedSpan, ...]

    @property
    def windows(self) -> Mapping[Subject, tuple[Period, ...]]:
        """The spans as the log is asked for them."""
        windows: dict[Subject, tuple[Period, ...]] = {}
        for span in self.spans:
            windows[span.subject] = (*windows.get(span.subject, ()), Period(span.start, span.end))
        return windows


def lineage_of(request: UsageRequest) -> Lineage:
    return Lineage(request.meter.event, request.spans)


def predicate_text(lineage: Lineage) -> str:
    """Canonical JSON: `{"format":..,"spans":[[subject,start,end],..],"without":..}`, instants in UTC
    microseconds.
    """
    spans: list[JsonValue] = [
        [span.subject, JsonNumber(str(span.start)), JsonNumber(str(span.end))] for span in lineage.spans
    ]
    return canonical_json({"format": LINEAGE_FORMAT, "spans": spans, "without": WITHOUT_RETRACTED})


def parse_lineage(event_type: str, text: str) -> Lineage:
    """Reads what `predicate_text` wrote. Raises `MalformedLineage`."""
    try:
        members = json.loads(text)
        if members["format"] not in (LINEAGE_FORMAT, BEFORE_RETRACTIONS):
            raise MalformedLineage(f"its format is not {LINEAGE_FORMAT}")
        if members["format"] == LINEAGE_FORMAT and members["without"] != WITHOUT_RETRACTED:
            raise MalformedLineage("it leaves out something else than what was retracted")
        spans = tuple(
            ClippedSpan(Subject(str(subject)), Instant(int(start)), Instant(int(end)))
            for subject, start, end in members["spans"]
        )
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise MalformedLineage(f"{type(error).__name__}: {error}") from error
    return Lineage(EventType(event_type), spans)
