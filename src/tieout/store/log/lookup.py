"""Finds accepted events by identity: the index gives positions, the log the events that stand there.

It reads with an index of its own, so that it may run beside a thread that appends.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np

from tieout.kernel.digest import identity_key
from tieout.ports import StoredEvent
from tieout.store.log import reader
from tieout.store.log.index.committed import Committed
from tieout.store.log.index.index import IdentityIndex
from tieout.store.log.index.rebuild import learn_committed
from tieout.table.position_words import position_of

Identity = tuple[str, str]


def find_accepted(
    log: Committed, folder: Path, identities: Collection[Identity]
) -> Mapping[Identity, StoredEvent]:
    """The accepted events of these (source, id), for those that the log holds. `folder` is the home's."""
    wanted = sorted(set(identities))
    if not wanted:
        return {}
    index = _index_at_head(log, folder)
    keys = b"".join(identity_key(log.secret, source, event_id) for source, event_id in wanted)
    known = index.find(np.frombuffer(keys, dtype="<u8").reshape(-1, 2))
    places = {
        identity: position_of(int(packed))
        for identity, found, packed in zip(wanted, known.found, known.position, strict=True)
        if found
    }
    events = reader.events_at(log.engine, log.segments, places.values())
    return {identity: events[place] for identity, place in places.items()}


def _index_at_head(log: Committed, folder: Path) -> IdentityIndex:
    index = IdentityIndex(folder / "index")
    learn_committed(index, log)
    return index
