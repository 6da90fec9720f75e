"""What belongs together is accepted together: an id that somebody took meanwhile takes all of it back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.small_home import FEBRUARY_3, call, ingest, make_home
from tieout.flows.amend_event import amend_event
from tieout.flows.retract_event import Decision
from tieout.flows.retraction_refusals import IdTaken
from tieout.ports import EventLog, StoredEvent


class Overtaken:
    """A log in which the amending id is taken between the look-up and the commit."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    def __getattr__(self, name: str) -> object:
        return getattr(self._log, name)

    def accepted(self, identities: list[tuple[str, str]]) -> dict[tuple[str, str], StoredEvent]:
        found = dict(self._log.accepted(identities))
        found.pop(("gateway", "e2"), None)
        return found


@pytest.mark.parametrize("tokens", [100, 7])
def test_an_id_taken_meanwhile_stores_neither_retraction_nor_event(tmp_path: Path, tokens: int) -> None:
    """Whether the newcomer would be a duplicate (100) or a conflict (7)."""
    home, _ = make_home(tmp_path / "home", now=FEBRUARY_3)
    with home:
        ingest(home, [call(1, "acme", "2026-02-01T00:00:00Z"), call(2, "acme", "2026-02-02T00:00:00Z")])
        file = tmp_path / "amending.json"
        file.write_text(json.dumps(call(2, "acme", "2026-02-02T00:00:00Z", tokens=tokens)))
        overtaken = replace(home, log=Overtaken(home.log))  # type: ignore[arg-type]
        with pytest.raises(IdTaken, match=r"accepted before at b1\.r1"):
            amend_event(
                overtaken, source="gateway", event_id="e1", file=file, decision=Decision("wrong", "Dana")
            )
        assert home.log.head() == 1 and home.log.retractions(watermark=home.log.head()) == []
        assert home.log.quarantine(reason=None, limit=9) == () and home.log.verify().findings == ()
        ingest(home, [call(3, "acme", "2026-02-02T00:00:00Z")], "more.ndjson")
        assert home.log.head() == 2
