"""Finds accepted events by identity: the index gives positions, the log the events that stand there.

It reads with an index of its own, so that it may run beside a thread that appends.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
from sqlalchemy import Engine, select

from tieout.kernel.digest import identity_key
from tieout.ports import StoredEvent
from tieout.store.log import reader, schema
from tieout.store.log.append import load_keys, position_of
from tieout.store.log.index.index import IdentityIndex, IndexBehind
from tieout.store.log.index.rebuild import learn_missing

Identity = tuple[str, str]


def find_accepted(
    engine: Engine, folder: Path, secret: bytes, identities: Collection[Identity]
) -> Mapping[Identity, StoredEvent]:
    """The accepted events of these (source, id), for those that the log holds. `folder` is the home's."""
    wanted = sorted(set(identities))
    if not wanted:
        return {}
    index = _index_at_head(engine, folder, secret)
    keys = b"".join(identity_key(secret, source, event_id) for source, event_id in wanted)
    known = index.find(np.frombuffer(keys, dtype="<u8").reshape(-1, 2))
    places = {
        identity: position_of(int(packed))
        for identity, found, packed in zip(wanted, known.found, known.position, strict=True)
        if found
    }
    events = reader.events_at(engine, folder / "segments", places.values())
    return {identity: events[place] for identity, place in places.items()}


def _index_at_head(engine: Engine, folder: Path, secret: bytes) -> IdentityIndex:
    index = IdentityIndex(folder / "index")
    with engine.connect() as connection:
        head = int(connection.execute(select(schema.head.c.batch)).scalar_one())
        try:
            index.catch_up(head, lambda first, last: load_keys(connection, first, last))
        except IndexBehind:
            learn_missing(engine, folder / "segments", index, secret)
            index.catch_up(head, lambda first, last: load_keys(connection, first, last))
    return index
