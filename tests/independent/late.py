"""What came or was retracted after the cutoff of a sealed period, and is on no paper yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.independent.instants import Span, text
from tests.independent.log import Event
from tests.independent.numbers import quantity_text
from tests.independent.rating import Charge
from tests.independent.usage import Usage, counts, measure
from tests.independent.world import Paper, World


def late_rows(world: World) -> list[dict[str, Any]]:
    """By customer, meter and start of the part, as the last paper of each period left it."""
    rows = []
    for paper, charge in _measured(world):
        known = world.known.get((paper.customer, paper.period), paper.cutoff)
        was = _usage(world, paper, charge, known)
        now = _usage(world, paper, charge, world.log.places)
        came, gone = late_events(world, charge, known, world.log.places)
        if came or gone:
            rows.append(
                {
                    "customer": paper.customer,
                    "meter": charge.meter,
                    "start": text(charge.part[0]),
                    "end": text(charge.part[1]),
                    "event_count": came,
                    **({"retracted_count": gone} if gone else {}),
                    "quantity": quantity_text(now.quantity - was.quantity),
                }
            )
    return sorted(rows, key=lambda row: (row["customer"], row["start"], row["meter"]))


def late_events(world: World, charge: Charge, since: int, until: int) -> tuple[int, int]:
    """How many events of a charge came between two positions and count; how many were retracted there."""
    was = _behind(world, charge, world.log.counted(since))
    now = _behind(world, charge, world.log.counted(until))
    came = [event for event in now if event.place > since]
    gone = [event for event in was if world.log.retracted.get((event.source, event.id), until + 1) <= until]
    return len(came), len(gone)


def _behind(world: World, charge: Charge, events: Sequence[Event]) -> list[Event]:
    """The events that a charge rests on; levels reach back to the last word before the part."""
    meter = _meter(world, charge)
    customer = world.catalog.last("subscription", charge.subscription)["customer"]
    mine = [event for event in events if counts(meter, event)]
    inside = list(measure(world.catalog, meter, customer, charge.part, mine).events)
    if meter["aggregation"] == "time_weighted":
        for subject in {event.subject for event in mine}:
            said = [e for e in mine if e.subject == subject and e.time < charge.part[0]]
            if said and world.catalog.owner(subject, charge.part[0]) == customer:
                inside.append(max(said, key=lambda event: (event.time, event.place)))
    return inside


def _usage(world: World, paper: Paper, charge: Charge, cutoff: int) -> Usage:
    return measure(
        world.catalog, _meter(world, charge), paper.customer, charge.part, world.log.counted(cutoff)
    )


def _meter(world: World, charge: Charge) -> dict[str, Any]:
    assert charge.meter is not None
    return world.catalog.at("meter", charge.meter, charge.part[0])


def _measured(world: World) -> list[tuple[Paper, Charge]]:
    """One charge for each meter and part of each final invoice."""
    found: dict[tuple[str, str, str, Span], tuple[Paper, Charge]] = {}
    for paper in world.papers:
        if paper.kind != "final" or paper.voided:
            continue
        for line in paper.lines:
            charge = line.charge
            if line.corrects is not None:
                continue
            if charge.meter is not None:
                found[paper.customer, charge.subscription, charge.meter, charge.part] = (paper, charge)
    return list(found.values())
