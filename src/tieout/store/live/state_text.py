"""Accumulations as texts with a check over them, and back: a flipped byte is found when it is read."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Final

from tieout.aggregate.accumulation import Accumulation
from tieout.aggregate.breakdown import UsageGroup
from tieout.aggregate.time_weighted import Opening
from tieout.kernel.ids import Position, Subject
from tieout.kernel.instant import Instant
from tieout.kernel.quantity import Quantity
from tieout.ports.live import DamagedLiveUsage

CHECK_DIGITS: Final = 16


def state_text(digest: str, one: Accumulation) -> str:
    """All but groups and texts, which have rows of their own; of these their number."""
    opening = [
        [o.subject, o.start, o.level.atoms, o.time, o.position.batch, o.position.row] for o in one.opening
    ]
    members = [
        *(one.event_count, one.excluded_count, one.retracted_count, one.lane_a, one.lane_b),
        *(one.total, one.magnitude, one.amount_magnitude, one.standing, one.latest),
        *(one.parts, one.parts_magnitude, opening, len(one.texts), len(one.groups)),
    ]
    return _checked(digest, json.dumps(members, separators=(",", ":")))


def parse_state(digest: str, text: str) -> tuple[Accumulation, int, int]:
    """The accumulation without its groups and texts, and how many of each it has: (texts, groups). Raises
    `DamagedLiveUsage`.
    """
    *numbers, opening, texts, groups = json.loads(_verified(digest, text))
    latest = numbers[9]
    one = Accumulation(*numbers)
    one.latest = None if latest is None else (latest[0], latest[1], latest[2])
    one.opening = tuple(
        Opening(Subject(subject), Instant(start), Quantity(atoms), Instant(time), Position(batch, row))
        for subject, start, atoms, time, batch, row in opening
    )
    return one, texts, groups


def group_name(group: UsageGroup) -> str:
    """The texts, value and amount that make it this group: one text for each."""
    return json.dumps([group.values, _atoms(group.value), _atoms(group.each_amount)], separators=(",", ":"))


def group_text(digest: str, group: UsageGroup) -> str:
    members = [group.quantity.atoms, group.event_count, _atoms(group.amount)]
    return _checked(digest + group_name(group), json.dumps(members, separators=(",", ":")))


def parse_group(digest: str, name: str, text: str) -> UsageGroup:
    """Raises `DamagedLiveUsage`."""
    quantity, count, amount = json.loads(_verified(digest + name, text))
    values, value, each_amount = json.loads(name)
    return UsageGroup(
        tuple(values), Quantity(quantity), count, _quantity(value), _quantity(amount), _quantity(each_amount)
    )


def _checked(key: str, text: str) -> str:
    return _check(key, text) + text


def _verified(key: str, text: str) -> str:
    check, rest = text[:CHECK_DIGITS], text[CHECK_DIGITS:]
    if check != _check(key, rest):
        raise DamagedLiveUsage
    return rest


def _check(key: str, text: str) -> str:
    return sha256(f"{key}:{text}".encode()).hexdigest()[:CHECK_DIGITS]


def _atoms(quantity: Quantity | None) -> int | None:
    return None if quantity is None else quantity.atoms


def _quantity(atoms: int | None) -> Quantity | None:
    return None if atoms is None else Quantity(atoms)
