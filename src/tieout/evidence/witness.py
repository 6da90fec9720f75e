"""A stored event as evidence: its content digest is computed anew and held against the lanes stored beside
it.
"""

from __future__ import annotations

from dataclasses import dataclass

from tieout.aggregate.event import MeterEvent
from tieout.aggregate.retraction import Retraction
from tieout.aggregate.select import Selected, select
from tieout.contract.event_contract import EventContract
from tieout.contract.meter import Meter
from tieout.contract.retraction import TARGET_ID
from tieout.ingest.event import Event, canonical_of, tagged
from tieout.kernel.digest import content_digest, identity_key, lanes
from tieout.kernel.errors import TieoutError
from tieout.kernel.ids import Position, SourceName
from tieout.kernel.instant import Instant


@dataclass(frozen=True, slots=True)
class Erasure:
    """An item whose personal data was erased: the digest that was chained for the whole of it, and the digest
    of what remains.
    """

    position: Position
    identity_key: bytes
    content_digest: bytes
    residue_sha256: bytes
    person: str
    reason: str
    erased_at: Instant


@dataclass(frozen=True, slots=True)
class Witness:
    """An accepted event as it was read back, with its stored lanes and the contract version that typed it.

    With an `erasure`, the event is what remains of it.
    """

    position: Position
    event: Event
    lane_a: int
    lane_b: int
    contract: EventContract | None
    erasure: Erasure | None = None


def digest_lanes(witness: Witness, secret: bytes) -> tuple[int, int] | None:
    """The lanes that the event's content gives now; None where its contract is gone.

    Of an erased event the chained digest gives them, as long as what remains has its own digest.
    """
    if witness.contract is None:
        return None
    event = witness.event
    digest = content_digest(
        identity_key(secret, event.source, event.id), canonical_of(event, witness.contract)
    )
    if witness.erasure is not None and witness.erasure.residue_sha256 == digest:
        return lanes(witness.erasure.content_digest)
    return lanes(digest)


def meter_event(witness: Witness) -> MeterEvent:
    """The event as a meter reads it, with the lanes that were stored."""
    event = witness.event
    texts = {} if witness.contract is None else tagged(event, witness.contract)
    return MeterEvent(
        position=witness.position,
        source=SourceName(event.source),
        id=event.id,
        type=event.type,
        subject=event.subject,
        time=event.time,
        lane_a=witness.lane_a,
        lane_b=witness.lane_b,
        fields={name: _untagged(text) for name, text in texts.items()},
    )


def retraction_of(witness: Witness) -> Retraction:
    """The retraction that a stored event of the built-in type is."""
    event = witness.event
    return Retraction(witness.position, SourceName(event.source), str(event.fields[TARGET_ID]))


def is_counted(witness: Witness, meter: Meter, amount_field: str | None = None) -> bool:
    """Whether the meter counts the event; one that it cannot judge any more was no usage of it.

    With an `amount_field`, an event that lacks it is not counted either.
    """
    try:
        return isinstance(select(meter, meter_event(witness), amount_field), Selected)
    except TieoutError:
        return False


def _untagged(text: str) -> str:
    """Without the one-letter type tag; booleans keep their word (`btrue` is `true`)."""
    return text[1:]
