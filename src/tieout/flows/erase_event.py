"""Erases the personal data of an event, and of everything that was received under its identity.

What usage is counted by stays: source, subject, type, time, numbers, and the texts that a meter reads or the
contract requires for billing. No billed quantity changes by an erasure.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from tieout.contract.catalog import Catalog
from tieout.contract.event_contract import FieldType, Use
from tieout.contract.retraction import APPROVED_BY, BY, REPLACED_BY, RETRACTION_TYPE, TARGET_ID
from tieout.flows.apply_catalog import load_catalog
from tieout.flows.decision import decision_now
from tieout.flows.home import Home
from tieout.flows.why_event import NeverReceived
from tieout.ingest.event import Event
from tieout.ingest.verdict import Verdict
from tieout.kernel.erased import looks_erased
from tieout.kernel.errors import Refusal
from tieout.kernel.ids import EventType, Position
from tieout.ports.review import Copies, Erased, Kept


class EraseWhat(Refusal):
    """Either a position or a whole identity is erased."""

    code = "erase-what"

    def __init__(self) -> None:
        super().__init__("Name what to erase: a POSITION, or --source and --id.")


@dataclass(frozen=True, slots=True)
class ErasurePlan:
    """What would go and what would stay of the item at `position`, and where its copies are.

    `goes` and `stays` name members; both are empty for an item that was never accepted, whose bytes go whole.
    """

    position: Position
    verdict: Verdict
    goes: tuple[str, ...]
    stays: tuple[str, ...]
    copies: Copies
    erased_before: bool


def plan_erasure(home: Home, position: str | None, *, source: str | None, id: str | None) -> ErasurePlan:
    """Changes nothing. Raises `EraseWhat`, `MalformedPosition`, `NeverReceived`."""
    place = _place(home, position, source, id)
    fate = home.review.fate(place)
    if fate is None:
        raise NeverReceived(str(place), source)
    goes: tuple[str, ...] = ()
    stays: tuple[str, ...] = ()
    if fate.verdict is not Verdict.QUARANTINED:
        stored = home.log.event_at(place if fate.original is None else fate.original)
        if stored is not None:
            goes, stays = _members(load_catalog(home), stored.event)
    before = home.review.erasure(place) is not None
    return ErasurePlan(place, fate.verdict, goes, stays, home.review.copies(place), before)


def erase(
    home: Home, position: str | None, *, source: str | None, id: str | None, person: str, reason: str
) -> Erased:
    """Raises what `plan_erasure` raises, `DecisionIncomplete`, and `DamagedBefore` for an event that is not
    as it was accepted.
    """
    decision = decision_now(home, person=person, reason=reason)
    place = _place(home, position, source, id)
    if home.review.fate(place) is None:
        raise NeverReceived(str(place), source)
    return home.review.erase(place, kept_texts(load_catalog(home)), decision)


def kept_texts(catalog: Catalog) -> Kept:
    """By event type, the fields that any version of a meter reads or a contract requires for billing; of a
    retraction what it names, and who decided it.
    """
    kept: dict[EventType, set[str]] = {RETRACTION_TYPE: {TARGET_ID, REPLACED_BY, BY, APPROVED_BY}}
    for contract in catalog.events:
        own = kept.setdefault(contract.type, set())
        own.update(field.name for field in contract.fields if field.use is Use.BILLING)
    for meter in catalog.meters:
        conditions = [*meter.filter, *(each for rule in meter.exclusions for each in rule.where)]
        own = kept.setdefault(meter.event, set())
        own.update(condition.field for condition in conditions)
        own.update(meter.dimensions)
        if meter.field is not None:
            own.add(meter.field)
    return {event_type: frozenset(names) for event_type, names in kept.items()}


def _place(home: Home, position: str | None, source: str | None, id: str | None) -> Position:
    if position is not None:
        if source is not None or id is not None:
            raise EraseWhat
        return Position.parse(position)
    if source is None or id is None:
        raise EraseWhat
    (accepted,) = home.review.locate([(source, id)])
    if accepted is not None:
        return accepted
    items = home.review.items_of(id, source)
    if not items:
        raise NeverReceived(id, source)
    return items[0].item.position


def _members(catalog: Catalog, event: Event) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(what goes, what stays), by name."""
    contract = catalog.contracts.get(event.type, event.contract_version)
    kept = kept_texts(catalog).get(event.type, frozenset())
    texts = {
        field.name
        for field in (() if contract is None else contract.fields)
        if field.type is FieldType.STRING and field.name not in kept
    }
    present = sorted(event.fields)
    goes = [] if looks_erased(event.id) else ["id"]
    goes += [f"data.{name}" for name in present if name in texts]
    for prefix, text in (("data.", event.extras), ("", event.attributes)):
        goes += [f"{prefix}{name}" for name in sorted(json.loads(text) if text else {})]
    stays = ["source", "type", "subject", "time"]
    stays += [f"data.{name}" for name in present if name not in texts]
    return tuple(goes), tuple(stays)
