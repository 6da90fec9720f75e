"""What arrives: `read` a file of events with `accepted` and `duplicate`, `amend` an event."""

from __future__ import annotations

from tests.scenarios.frame import Playing, Told, Verb
from tieout.flows.amend_event import amend_event
from tieout.flows.ingest_file import ingest_file
from tieout.flows.retract_event import Decision


def read(playing: Playing, step: Told) -> None:
    file = playing.story / "events" / step["read"]
    report = ingest_file(playing.stage.home, file, format=None, source=None)
    assert (report.accepted, report.duplicate) == (step["accepted"], step["duplicate"])
    assert report.received == step["accepted"] + step["duplicate"]


def amend(playing: Playing, step: Told) -> None:
    told = step["amend"]
    report = amend_event(
        playing.stage.home,
        source=told["source"],
        event_id=told["id"],
        file=playing.story / "events" / told["with"],
        decision=Decision(told["reason"], told["by"], told.get("approved_by")),
    )
    assert [(change.name, change.before, change.after) for change in report.changes] == [
        tuple(change) for change in told["changes"]
    ]


STEPS = {"read": Verb(read, frozenset({"accepted", "duplicate"})), "amend": Verb(amend)}
