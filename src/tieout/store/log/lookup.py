"""Finds accepted events by identity: the index gives positions, the log the events that stand there.

It reads with an index of its own, so that it may run beside a thread that appends. What stands for the id of
an erased event names that event too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from tieout.kernel.digest import identity_key
from tieout.kernel.erased import identity_key_in, looks_erased
from tieout.kernel.ids import Position
from tieout.ports import StoredEvent
from tieout.store.log import reader
from tieout.store.log.index.committed import Committed
from tieout.store.log.index.index import IdentityIndex
from tieout.store.log.index.rebuild import learn_committed
from tieout.table.position_words import position_of

Identity = tuple[str, str]


class Lookup:
    """Answers for the log as it is at each question. `folder` is the home's. Not for two threads at once."""

    def __init__(self, log: Committed, folder: Path) -> None:
        self._log = log
        self._folder = folder
        self._index: IdentityIndex | None = None

    def positions(self, identities: Sequence[Identity]) -> list[Position | None]:
        """Where each (source, id) was accepted; None where it never was."""
        keys = [identity_key(self._log.secret, source, event_id) for source, event_id in identities]
        found = self._of_keys(keys)
        markers = [
            place
            for place, (_, event_id) in enumerate(identities)
            if found[place] is None and looks_erased(event_id)
        ]
        marked = self._of_keys([identity_key_in(identities[place][1]) for place in markers])
        for place, position in zip(markers, marked, strict=True):
            if position is not None and self._stands_there(position, identities[place]):
                found[place] = position
        return found

    def events(self, identities: Collection[Identity]) -> Mapping[Identity, StoredEvent]:
        """The accepted events of these identities, for those that the log holds."""
        wanted = sorted(set(identities))
        found = dict(zip(wanted, self.positions(wanted), strict=True))
        places = {identity: place for identity, place in found.items() if place is not None}
        stored = reader.events_at(self._log.engine, self._log.segments, places.values())
        return {identity: stored[place] for identity, place in places.items()}

    def _of_keys(self, keys: Sequence[bytes]) -> list[Position | None]:
        if not keys:
            return []
        if self._index is None:
            self._index = IdentityIndex(self._folder / "index")
        learn_committed(self._index, self._log)
        known = self._index.find(np.frombuffer(b"".join(keys), dtype="<u8").reshape(-1, 2))
        return [
            position_of(int(packed)) if found else None
            for found, packed in zip(known.found, known.position, strict=True)
        ]

    def _stands_there(self, position: Position, identity: Identity) -> bool:
        stored = reader.event_at(self._log.engine, self._log.segments, position)
        return stored is not None and (stored.event.source, stored.event.id) == identity
