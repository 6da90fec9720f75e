"""What laws L1 to L4 demand, worked out with plain dictionaries and none of the product's code.

The order in which batches came to lie in the log is the log's to say; everything else follows from the
items.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.faults.harness.items import BlockName, Sent, items_of

Place = tuple[int, int]
"""(batch, row)"""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one item, and the accepted original that it repeats or contradicts."""

    verdict: str
    original: Place | None


@dataclass(slots=True)
class Model:
    """A log as it must be after the batches that it was given."""

    accepted: dict[str, tuple[Place, int]] = field(default_factory=dict)
    fates: dict[Place, Fate] = field(default_factory=dict)
    raw: dict[Place, bytes] = field(default_factory=dict)
    told: dict[int, dict[str, int]] = field(default_factory=dict)

    def append(self, batch: int, items: Iterable[Sent]) -> None:
        told: Counter[str] = Counter()
        for row, item in enumerate(items):
            place = (batch, row)
            self.fates[place] = self._fate(place, item)
            self.raw[place] = item.raw
            told[self.fates[place].verdict] += 1
        self.told[batch] = dict(told)

    def _fate(self, place: Place, item: Sent) -> Fate:
        if item.identity is None:
            return Fate("quarantined", None)
        if item.identity not in self.accepted:
            self.accepted[item.identity] = (place, item.content)
            return Fate("accepted", None)
        first, content = self.accepted[item.identity]
        return Fate("duplicate" if content == item.content else "conflict", first)


def model_of(batches: Iterable[tuple[int, BlockName]]) -> Model:
    model = Model()
    for number, name in batches:
        model.append(number, items_of(name))
    return model
