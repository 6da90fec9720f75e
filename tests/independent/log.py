"""What arrived: the first event of an identity counts, unless a retraction names it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.independent.instants import HOUR, instant

RETRACTION = "tieout.retraction"

Identity = tuple[str, str]


@dataclass(frozen=True)
class Event:
    """`place` is its position in the order of arrival."""

    place: int
    source: str
    id: str
    type: str
    subject: str
    time: int
    data: dict[str, Any]

    @property
    def production(self) -> bool:
        return str(self.data.get("environment", "production")) == "production"


@dataclass
class Log:
    events: list[Event] = field(default_factory=list)
    retracted: dict[Identity, int] = field(default_factory=dict)
    """The position of the first retraction of each identity."""
    places: int = 0
    batches: list[tuple[int, int]] = field(default_factory=list)
    """The position at the end of each, and when it was received."""
    arrived: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)
    """By source and hour received: how many items were accepted, and how many were there already."""

    def read(self, file: Path, at: int) -> tuple[int, int]:
        """How many were accepted, and how many were there already."""
        lines = file.read_text().splitlines() if file.suffix == ".ndjson" else [file.read_text()]
        return self.take(
            [json.loads(line, parse_float=str, parse_int=str) for line in lines if line.strip()], at
        )

    def take(self, items: list[dict[str, Any]], at: int) -> tuple[int, int]:
        known = {(event.source, event.id) for event in self.events}
        accepted = 0
        for item in items:
            identity = (item["source"], item["id"])
            self._arrive(item["source"], at, there=identity in known)
            if identity in known:
                continue
            known.add(identity)
            accepted += 1
            self.places += 1
            data = item.get("data", {})
            event = Event(
                self.places,
                *identity,
                item["type"],
                item.get("subject", ""),
                instant(item["time"]),
                data,
            )
            self.events.append(event)
            if event.type == RETRACTION:
                self.retract((event.source, str(data["target_id"])))
        self.batches.append((self.places, at))
        return accepted, len(items) - accepted

    def _arrive(self, source: str, at: int, *, there: bool) -> None:
        hour = source, at - at % HOUR
        new, again = self.arrived.get(hour, (0, 0))
        self.arrived[hour] = (new + (not there), again + there)

    def retract(self, identity: Identity) -> None:
        """Final, and the same in whichever order it and its target arrive."""
        self.places += 1
        self.retracted.setdefault(identity, self.places)

    def counted(self, cutoff: int) -> list[Event]:
        """What counts as of a position."""
        return [
            event
            for event in self.events
            if event.place <= cutoff
            and event.type != RETRACTION
            and self.retracted.get((event.source, event.id), cutoff + 1) > cutoff
        ]
