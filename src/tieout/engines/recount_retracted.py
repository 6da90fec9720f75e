"""What was taken back, for the recount: its own reading of the same list, and its own comparison of texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tieout.ports import LogManifest


@dataclass(frozen=True, slots=True)
class TakenBack:
    """For each retracted id the sources that took it back."""

    sources: Mapping[str, frozenset[str]]

    @property
    def columns(self) -> frozenset[str]:
        """The columns that `among` has to see."""
        return frozenset({"source", "id"}) if self.sources else frozenset()

    def among(self, table: pa.Table) -> npt.NDArray[np.bool_]:
        """Row by row whether the event was taken back: ids by a set of all, sources only where an id is
        in it.
        """
        gone: npt.NDArray[np.bool_] = np.zeros(table.num_rows, dtype=np.bool_)
        if not self.sources:
            return gone
        ids = table.column("id")
        listed = pc.is_in(ids, value_set=pa.array(sorted(self.sources), pa.string()))
        for place in np.flatnonzero(listed.to_numpy()):
            source = table.column("source")[int(place)].as_py()
            gone[place] = source in self.sources[ids[int(place)].as_py()]
        return gone


def taken_back(manifest: LogManifest) -> TakenBack:
    """As of the manifest's watermark."""
    found: dict[str, set[str]] = {}
    for entry in manifest.retracted.to_pylist():
        if entry["batch"] <= manifest.watermark:
            found.setdefault(entry["id"], set()).add(entry["source"])
    return TakenBack({event_id: frozenset(sources) for event_id, sources in found.items()})
