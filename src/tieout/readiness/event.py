"""One accepted event is defined: each event that a meter counts has a contract in force, with examples of
what is accepted and of what is refused."""

from __future__ import annotations

from collections.abc import Iterator

from tieout.contract.catalog import Catalog
from tieout.kernel.instant import Instant
from tieout.readiness.facts import EventFact, Facts
from tieout.readiness.item import Checked, Fact, Open, Problem, passed_or_open


def check_event(facts: Facts) -> Checked:
    counted = [each for each in facts.events if each.meters]
    if not counted:
        action = "apply a contract ([[event]]) and a meter that counts it: tieout catalog apply"
        return Open((), (Problem("no meter in force counts an event with a contract in force", action),))
    evidence = tuple(
        Fact(
            each.name,
            f"digest {each.digest[:16]}, {each.valid} valid and {each.invalid} invalid examples, counted by "
            + ", ".join(each.meters),
        )
        for each in counted
    )
    problems = [
        Problem(
            f"{each.name} has no {kind} example",
            "apply its next version with one ([[event.example]]): it is run when it is applied",
        )
        for each in counted
        for kind, count in (("valid", each.valid), ("invalid", each.invalid))
        if not count
    ]
    return passed_or_open(evidence, tuple(problems))


def events_counted(catalog: Catalog, now: Instant) -> Iterator[EventFact]:
    """Every contract in force, and the meters in force that count its event."""
    counted: dict[str, list[str]] = {}
    for key in catalog.meters.keys:
        meter = catalog.meters.at(key, now)
        if meter is not None:
            counted.setdefault(meter.event, []).append(key)
    for event_type in catalog.contracts.types:
        contract = catalog.contracts.find(event_type, now)
        if contract is None:
            continue
        valid = sum(each.valid for each in contract.examples)
        name = f"{contract.type} v{contract.version}"
        meters = tuple(counted.get(contract.type, ()))
        yield EventFact(name, contract.digest, valid, len(contract.examples) - valid, meters)
