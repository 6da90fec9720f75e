"""An event on an interim invoice says on which, and on which line; its period is open all the same."""

from __future__ import annotations

from pathlib import Path

from tests.interims import close_at, interim_home, send
from tieout.cli.demo.stage import Stage
from tieout.cli.why import meter_sentence
from tieout.flows.invoices import list_invoices
from tieout.flows.why_event import MeterFate, why


def fate(stage: Stage, event: str) -> MeterFate:
    (found,) = why(stage.home, event)
    assert found.accepted is not None
    (meter,) = found.accepted.meters
    return meter


def test_an_event_on_an_interim_names_it_until_the_final_is_sealed(tmp_path: Path) -> None:
    stage = interim_home(tmp_path)
    send(
        stage,
        "2026-01-10T12:00:00Z",
        ("a", "2026-01-05T00:00:00Z", "300", "eu"),
        ("b", "2026-01-06T00:00:00Z", "100", "us"),
    )
    assert fate(stage, "a").state == "open"
    close_at(stage, "2026-01-11T00:00:00Z")
    (interim,) = list_invoices(stage.home)
    send(stage, "2026-01-12T00:00:00Z", ("c", "2026-01-07T00:00:00Z", "10", "eu"))
    on = {event: fate(stage, event) for event in "abc"}
    assert [(each.state, each.invoice) for each in on.values()] == [
        ("interim", "S-000001"),
        ("interim", "S-000001"),
        ("open", None),
    ]
    assert [on[event].lines for event in "ab"] == [(f"{interim.id}-001",), (f"{interim.id}-002",)]
    assert f"billed on interim invoice S-000001, {interim.id}-001; its period is open" in meter_sentence(
        on["a"]
    )
    close_at(stage, "2026-02-02T00:00:00Z")
    assert [(fate(stage, event).state, fate(stage, event).invoice) for event in "ac"] == [
        ("sealed", "S-000002")
    ] * 2
